internal import Glibc
internal import Synchronization

/// Work on a thread of its own, whose result is waited for: what overlaps with what the caller does meanwhile.
package struct Background<Value: Sendable>: ~Copyable {
  private let work: Work
  private let thread: pthread_t?
  private var isJoined = false

  /// Starts `body`, on the calling thread if no other is to be had.
  package init(_ body: @escaping @Sendable () -> Value) {
    work = Work(body)
    thread = Threads.start(work)
    if thread == nil { work.run() }
  }

  /// Waits for the work to end.
  package consuming func wait() -> Value {
    join()
    guard let value = work.value.withLock({ $0 }) else { preconditionFailure("the thread has ended without a value") }
    return value
  }

  private mutating func join() {
    if let thread, !isJoined { pthread_join(thread, nil) }
    isJoined = true
  }

  deinit {
    if let thread, !isJoined { pthread_join(thread, nil) }
  }

  private final class Work: ThreadBody {
    let body: @Sendable () -> Value
    let value = Mutex<Value?>(nil)

    init(_ body: @escaping @Sendable () -> Value) { self.body = body }

    func run() {
      let result = body()
      value.withLock { $0 = result }
    }
  }
}

/// What a thread runs, once.
protocol ThreadBody: AnyObject, Sendable {
  func run()
}

extension Threads {
  /// Bytes of a thread's stack: the deepest kernels take half where nothing is optimized.
  package static let stackBytes = 1 << 20

  /// Starts a thread that runs `body`; the caller joins it. Nil if there is none to be had.
  static func start(_ body: any ThreadBody) -> pthread_t? {
    var attributes = pthread_attr_t()
    guard unsafe pthread_attr_init(&attributes) == 0 else { return nil }
    defer { unsafe _ = pthread_attr_destroy(&attributes) }
    unsafe _ = pthread_attr_setstacksize(&attributes, stackBytes)
    var thread = pthread_t()
    // The thread balances this retain when it ends.
    let argument = unsafe Unmanaged.passRetained(body as AnyObject)
    let status = unsafe pthread_create(
      &thread, &attributes,
      { argument in
        guard let argument = unsafe argument else { return nil }
        (unsafe Unmanaged<AnyObject>.fromOpaque(argument).takeRetainedValue() as? any ThreadBody)?.run()
        return nil
      }, argument.toOpaque())
    guard status == 0 else {
      unsafe argument.release()
      return nil
    }
    return thread
  }
}
