public import ArgumentParser
import Glibc
public import PQFormat
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
