//! Locks that ignore poisoning, and threads for which there may be no room.

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

/// Runs an iterator in a thread, one item ahead of the returned one. If the system has no room for a thread, each item is
/// made when it is asked for. Once the returned iterator is dropped, no further item is begun.
pub(crate) fn ahead<'scope, I>(
    scope: &'scope Scope<'scope, '_>,
    items: I,
) -> Box<dyn Iterator<Item = I::Item> + 'scope>
where
    I: Iterator + Send + 'scope,
    I::Item: Send + 'scope,
{
    let items = Arc::new(Mutex::new(items));
    // Without room for an item: the next one is begun when this one was taken.
    let (sender, receiver) = sync_channel(0);
    let for_thread = items.clone();
    let work = move || {
        let mut items = lock(&for_thread);
        let _ = items.try_for_each(|item| sender.send(item));
    };
    match Builder::new().spawn_scoped(scope, work) {
        Ok(_) => Box::new(receiver.into_iter()),
        Err(_) => Box::new(std::iter::from_fn(move || lock(&items).next())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_made_ahead_keep_their_order_and_end_with_their_reader() {
        let made = Mutex::new(0);
        std::thread::scope(|scope| {
            let items = std::iter::repeat_with(|| {
                *lock(&made) += 1;
                *lock(&made)
            });
            let first: Vec<i32> = ahead(scope, items).take(3).collect();
            assert_eq!(first, [1, 2, 3]);
        });
        assert!((3..=4).contains(&*lock(&made)), "{made:?}");
    }
}
