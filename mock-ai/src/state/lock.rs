//! A lock that no panic closes.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also after a panic: the data behind these locks is whole after each statement.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
