/// What went wrong, in the terms of the tools' contract: the raw value is the exit code (sysexits.h).
public enum FailureKind: Int32, Sendable {
  /// A check that was asked for did not pass: `verify` found damage, recall is below its floor.
  case checkFailed = 1
  /// The caller asked for something that cannot be.
  case usage = 64
  /// The input's content is not what its format says.
  case badData = 65
  /// The input cannot be opened.
  case noInput = 66
  /// The output cannot be created, or exists.
  case cannotCreate = 73
  /// Reading or writing failed.
  case inputOutput = 74
  /// Another process is at work on the output.
  case inUse = 75
  /// The user stopped it.
  case interrupted = 130
}

/// An error of this package: its description says what, where, expected against found, and what to do.
public protocol Failure: Error, CustomStringConvertible, Sendable {
  var kind: FailureKind { get }
}
