internal import ArgumentParser
internal import Foundation
public import PQFormat

/// A failure of a tool itself, not of a library below it.
public struct ToolFailure: Failure {
  public let kind: FailureKind
  public let description: String

  public init(_ kind: FailureKind, _ description: String) {
    self.kind = kind
    self.description = description
  }
}

/// Runs a tool's work: a ``Failure`` becomes one line on standard error and its exit code.
public func reportingFailures(_ work: () throws -> Void) throws {
  do {
    try work()
  } catch let failure as any Failure {
    printError("\(toolName): \(failure.description)")
    throw ExitCode(failure.kind.rawValue)
  }
}

/// Writes a line to standard error: results alone go to standard output.
public func printError(_ line: String) {
  FileHandle.standardError.write(Data((line + "\n").utf8))
}

/// The tool's own name, as it was called.
public var toolName: String {
  (CommandLine.arguments.first ?? "pqx").split(separator: "/").last.map(String.init) ?? "pqx"
}

/// The version that every tool's `--version` prints. Not the version of the format.
public let toolVersion = "0.1.0"
