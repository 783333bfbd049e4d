public import PQFormat

/// Why a vector file could not be read or written.
public struct VectorFileError: Failure, Equatable {
  public enum Cause: Sendable {
    // Opening.
    case unknownFormat, cannotOpen, notAFile
    // Content.
    case empty, truncated, badHeader, sizeMismatch
    case badDimension, dimensionChanged, notFinite, normOverflow, notRepresentable
    case changed
    // The caller's request.
    case rowOutOfRange
    // The system.
    case readFailed, exists, cannotCreate, writeFailed
    /// The caller ended the wait for a stream.
    case interrupted
  }

  public let cause: Cause
  /// The path as it was given, `standard input` or `standard output`.
  public let file: String
  /// The row, counted from 0, and where it (or the fault in it) begins.
  public let row: UInt64?
  public let byteOffset: UInt64?
  /// What was expected and found, and what to do.
  public let detail: String

  init(_ cause: Cause, file: String, row: UInt64? = nil, byteOffset: UInt64? = nil, _ detail: String) {
    self.cause = cause
    self.file = file
    self.row = row
    self.byteOffset = byteOffset
    self.detail = detail
  }

  public var kind: FailureKind {
    switch cause {
    case .unknownFormat, .rowOutOfRange: .usage
    case .cannotOpen, .notAFile: .noInput
    case .empty, .truncated, .badHeader, .sizeMismatch, .badDimension, .dimensionChanged, .notFinite, .normOverflow,
      .notRepresentable, .changed:
      .badData
    case .exists, .cannotCreate: .cannotCreate
    case .readFailed, .writeFailed: .inputOutput
    case .interrupted: .interrupted
    }
  }

  public var description: String {
    var place: [String] = []
    if let row { place.append("row \(row)") }
    if let byteOffset { place.append("byte \(byteOffset)") }
    return file + ": " + (place.isEmpty ? "" : place.joined(separator: ", ") + ": ") + detail
  }
}
