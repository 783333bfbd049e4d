internal import Glibc

/// Pages that had to be read from a device when they were touched.
package enum MajorFaults {
  /// RUSAGE_THREAD, which Glibc does not show to Swift.
  private static let callingThread: __rusage_who_t = 1

  /// How many the calling thread has waited for; 0 if the kernel does not say.
  package static var ofThread: Int {
    var usage = rusage()
    let isKnown = unsafe getrusage(callingThread, &usage) == 0
    return isKnown ? usage.ru_majflt : 0
  }
}
