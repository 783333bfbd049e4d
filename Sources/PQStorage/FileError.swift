public import PQFormat
public import SystemPackage

/// A call to the operating system that failed.
public struct FileError: Failure, Equatable {
  /// The system call, as in its manual page.
  public let call: String
  public let path: String
  public let errno: Errno
  public let kind: FailureKind
  /// What to do about it, if that is not plain from `errno`.
  public let advice: String

  package init(_ call: String, _ path: String, _ errno: Errno, _ kind: FailureKind, advice: String = "") {
    self.call = call
    self.path = path
    self.errno = errno
    self.kind = kind
    self.advice = advice
  }

  /// An index file that did not stay what it was.
  static func changed(_ path: String, _ how: String) -> FileError {
    FileError(
      "read", path, Errno(rawValue: 0), .inputOutput,
      advice: "the index changed while it was open: \(how); replace indexes by rename, and open it again")
  }

  /// A work file that is not what a build has left.
  package static func unfit(_ path: String, _ how: String) -> FileError {
    FileError("open", path, Errno(rawValue: 0), .badData, advice: "\(how); start again with --force")
  }

  /// An index file with more bytes than the format holds.
  package static func tooLong(_ path: String) -> FileError {
    FileError("write", path, .fileTooLarge, .badData, advice: "an index holds 2^48 bytes at most; build several")
  }

  public var description: String {
    let reason = errno.rawValue == 0 ? "" : ": \(errno)"
    return "\(path): \(call)\(reason)" + (advice.isEmpty ? "" : "; \(advice)")
  }
}

/// Runs a call of SystemPackage, whose errors are all `Errno`, and says what and where it was.
func attempt<T: ~Copyable>(
  _ call: String, _ path: String, _ kind: FailureKind = .inputOutput, advice: String = "", _ body: () throws -> T
) throws(FileError) -> T {
  do {
    return try body()
  } catch {
    throw FileError(call, path, (error as? Errno) ?? Errno(rawValue: 0), kind, advice: advice)
  }
}
