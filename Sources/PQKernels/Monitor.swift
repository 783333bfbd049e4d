internal import Glibc

/// A value that threads share, and whose changes they can wait for.
@safe package struct Monitor<Value>: ~Copyable, @unchecked Sendable {
  // Allocated and initialized in init, freed in deinit; the value is touched only by who holds the mutex.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let changed: UnsafeMutablePointer<pthread_cond_t>
  private let value: UnsafeMutablePointer<Value>

  package init(_ value: sending Value) {
    unsafe mutex = .allocate(capacity: 1)
    unsafe changed = .allocate(capacity: 1)
    unsafe self.value = .allocate(capacity: 1)
    unsafe self.value.initialize(to: value)
    let status = unsafe (pthread_mutex_init(mutex, nil), pthread_cond_init(changed, nil))
    precondition(status == (0, 0), "a mutex or a condition without attributes cannot be refused")
  }

  /// Waits until the value is as wanted, changes it, and wakes all others that wait.
  package func when<Result>(_ isWanted: (Value) -> Bool, _ change: (inout Value) -> Result) -> Result {
    unsafe pthread_mutex_lock(mutex)
    while unsafe !isWanted(value.pointee) { unsafe pthread_cond_wait(changed, mutex) }
    let result = unsafe change(&value.pointee)
    unsafe pthread_cond_broadcast(changed)
    unsafe pthread_mutex_unlock(mutex)
    return result
  }

  /// Changes the value, and wakes all that wait.
  package func change<Result>(_ change: (inout Value) -> Result) -> Result { when({ _ in true }, change) }

  deinit {
    unsafe pthread_cond_destroy(changed)
    unsafe pthread_mutex_destroy(mutex)
    unsafe value.deinitialize(count: 1)
    unsafe value.deallocate()
    unsafe changed.deallocate()
    unsafe mutex.deallocate()
  }
}
