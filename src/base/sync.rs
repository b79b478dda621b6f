//! Locks that a panic elsewhere cannot poison.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, whatever happened to a thread that held the lock before: what is behind it stays valid between calls.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
