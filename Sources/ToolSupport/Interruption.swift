internal import CPQSystem
internal import Foundation
internal import Synchronization

// A signal handler can reach nothing but globals. An atomic flag is all it may touch.
private let requested = Atomic(false)

/// Turns SIGINT and SIGTERM into a question that the work asks between its steps. A second signal ends the process.
public enum Interruption {
  public static func watch() {
    requested.store(false, ordering: .relaxed)  // initializes the global before a signal can come
    for number in [SIGINT, SIGTERM] {
      signal(number) { _ in
        if requested.exchange(true, ordering: .relaxed) { _exit(130) }
      }
      _ = cpq_unblock_signal(number)
    }
  }

  public static var isRequested: Bool { requested.load(ordering: .relaxed) }
}
