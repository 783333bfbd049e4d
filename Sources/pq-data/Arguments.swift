public import ArgumentParser
import Glibc
public import PQFormat
import PQKernels
public import PQStorage

extension VectorFileFormat: ExpressibleByArgument {}

extension Metric: ExpressibleByArgument {
  public init?(argument: String) { self.init(name: argument) }
  public var defaultValueDescription: String { name }
  public static var allValueStrings: [String] { allCases.map(\.name) }
}

/// Refuses to fill a terminal with bytes that nobody can read.
func refuseTerminal(_ path: String) throws {
  guard path == "-", isatty(STDOUT_FILENO) == 1 else { return }
  throw ValidationError("Standard output is a terminal: name a file with -o, or redirect it.")
}

/// The number of threads to work with: all processors unless the user says.
func checkedThreads(_ threads: Int?) throws -> Int {
  guard let threads else { return Threads.processors }
  guard (1...1024).contains(threads) else { throw ValidationError("--threads must be 1 to 1024, not \(threads).") }
  return threads
}
