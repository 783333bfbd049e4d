public import PQFormat
public import PQStorage

/// Why an index could not be opened, searched or verified.
public enum IndexError: Failure {
  /// The file cannot be opened or mapped; or it failed while it was open, which mapping without a guard cannot tell.
  case file(FileError)
  /// The file's bytes are not those of a sound index.
  case format(path: String, FormatError)
  /// The options cannot be, alone or for this index.
  case usage(String)
  /// A query cannot be compared with the index: wrong dimension, not finite, norm too large.
  case query(String)

  public var kind: FailureKind {
    switch self {
    case .file(let error): error.kind
    case .format(_, let error): error.kind
    case .usage: .usage
    case .query: .badData
    }
  }

  public var description: String {
    switch self {
    case .file(let error): error.description
    case .format(let path, let error): "\(path): \(error.description)"
    case .usage(let text), .query(let text): text
    }
  }
}
