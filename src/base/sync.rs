//! Locks that ignore poisoning, and threads for which there may be no room.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, Scope, ScopedJoinHandle};

/// Locks a mutex, even if a thread panicked while it held the lock: the data behind our mutexes stays valid.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts `work` in a thread. The returned function waits for it, and returns its result. If the system has no room for
/// a thread, that function does the work.
pub(crate) fn beside<'scope, 'env, T: Send + 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    work: &'scope (dyn Fn() -> T + Sync),
) -> impl FnOnce() -> std::thread::Result<T> {
    let thread = Builder::new().spawn_scoped(scope, work);
    move || thread.map_or_else(|_| Ok(work()), ScopedJoinHandle::join)
}
