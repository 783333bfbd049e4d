internal import ArgumentParser
internal import CPQSystem
internal import Foundation
public import PQFormat
internal import PQStorage

/// A failure of a tool itself, not of a library below it.
public struct ToolFailure: Failure {
  public let kind: FailureKind
  public let description: String

  public init(_ kind: FailureKind, _ description: String) {
    self.kind = kind
    self.description = description
  }

  static var standardOutput: ToolFailure {
    ToolFailure(.inputOutput, "standard output: writing failed; free space, or choose another place for the results")
  }
}

/// Runs a tool's work: a ``Failure`` becomes one line on standard error and its exit code.
public func reportingFailures(_ work: () throws -> Void) throws {
  occupyStandardStreams()
  // Beyond a limit of file size a write fails, as on a full disk, and does not end the process.
  signal(SIGXFSZ, SIG_IGN)
  do {
    try work()
    // What was printed may still be in a buffer; results that are lost are a failure.
    guard cpq_flush_output() == 0 else { throw ToolFailure.standardOutput }
  } catch let failure as any Failure {
    printError("\(toolName): \(failure.description)")
    throw ExitCode(failure.kind.rawValue)
  }
}

/// Writes a line to standard error: results alone go to standard output. Where that fails there is no one to tell.
public func printError(_ line: String, terminator: String = "\n") {
  try? FileHandle.standardError.write(contentsOf: Data((line + terminator).utf8))
}

/// The tool's own name, as it was called.
public var toolName: String {
  (CommandLine.arguments.first ?? "pqx").split(separator: "/").last.map(String.init) ?? "pqx"
}

/// The version that every tool's `--version` prints.
public let toolVersion = packageVersion
