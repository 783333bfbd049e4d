internal import PQFormat

/// Ids of vectors, one a row: a file of packed little-endian u64.
package struct IDReader: ~Copyable, Sendable {
  private let input: InputFile
  package let path: String
  package let count: UInt64
  package private(set) var position: UInt64 = 0
  private var buffer: [UInt8] = []

  /// - Parameter isCancelled: asked at each reading, which throws ``VectorFileError/Cause/interrupted`` then.
  package init(path: String, isCancelled: @escaping @Sendable () -> Bool = { false }) throws(VectorFileError) {
    guard path != "-" else {
      throw VectorFileError(.notAFile, file: path, "ids are read twice, so they must be a file")
    }
    try self.init(try InputFile(path: path, isCancelled: isCancelled))
  }

  /// Reads bytes that are in memory.
  package init(_ memory: MemoryFile) throws(VectorFileError) { try self.init(InputFile(memory)) }

  private init(_ input: consuming InputFile) throws(VectorFileError) {
    let size = input.identity?.size ?? 0
    guard size > 0, size % 8 == 0 else {
      throw VectorFileError(
        size == 0 ? .empty : .sizeMismatch, file: input.label,
        "has \(size) bytes, expected 8 for each row (little-endian u64, nothing else)")
    }
    path = input.path
    self.input = input
    count = size / 8
  }

  /// Reads up to `maxCount` ids; their number is less only at the end.
  package mutating func read(maxCount: Int, into ids: inout [UInt64]) throws(VectorFileError) {
    if input.isCancelled() { throw VectorFileError(.interrupted, file: path, "interrupted") }
    let want = Int(min(UInt64(maxCount), count - position))
    if buffer.count < 8 * want { buffer = [UInt8](repeating: 0, count: 8 * want) }
    guard try input.read(into: &buffer, range: 0..<8 * want) == 8 * want else {
      throw VectorFileError(.changed, file: path, "became shorter while it was read; keep it as it is until the end")
    }
    ids.removeAll(keepingCapacity: true)
    for i in 0..<want { ids.append(buffer.rawSpan.u64(at: 8 * i)) }
    position += UInt64(want)
  }

  /// What tells this state of the file from another.
  package var identity: InputIdentity? { input.identity }

  /// Moves to the id of a row.
  /// - Precondition: there is one, or it is the end.
  package mutating func seek(toRow row: UInt64) throws(VectorFileError) {
    precondition(row <= count, "no such row")
    try input.seek(to: 8 * row)
    position = row
  }

  package func checkUnchanged() throws(VectorFileError) { try input.checkUnchanged() }
}
