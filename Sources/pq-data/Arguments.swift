import ArgumentParser
import Glibc
import PQKernels
import ToolSupport

/// Refuses to fill a terminal with bytes that nobody can read.
func refuseTerminal(_ path: String) throws {
  guard path == "-", isatty(STDOUT_FILENO) == 1 else { return }
  throw ValidationError("Standard output is a terminal: name a file with -o, or redirect it.")
}

/// The number of threads to work with: one for each processor that may be used unless the user says.
func checkedThreads(_ threads: Int?) throws -> Int {
  guard let threads else { return usableProcessors }
  guard Threads.range.contains(threads) else {
    let (least, most) = (Threads.range.lowerBound, Threads.range.upperBound)
    throw ValidationError("--threads must be \(least) to \(most), not \(threads).")
  }
  return threads
}
