internal import PQFormat
internal import PQModel

/// Rows on their way from the input into the index. Its arrays serve one set of rows after another.
struct Chunk: Sendable {
  var count = 0
  /// `[row][dimension]`; once encoded, rotated, and the residuals, where the index encodes these.
  var rows: [Float] = []
  /// One a row, where they come from a file or the caller.
  var ids: [UInt64]?
  /// What errors call the file of these rows, nil where a caller gave them, and the number of the first.
  var file: String?
  var firstRow: UInt64 = 0
  /// The input up to the last of these rows.
  var mark = InputMark()

  /// The list of each row; empty without a coarse quantizer.
  fileprivate(set) var lists: [UInt32] = []
  /// `[row][m]`.
  fileprivate(set) var codes: [UInt16] = []
  /// Packed rows of the vectors section.
  fileprivate(set) var packed: [UInt8] = []
}

/// Where chunks are filled, in the order of the input.
protocol ChunkSource: ~Copyable, Sendable {
  /// Puts the next rows, with their ids, place and mark, into `chunk`; none at the end.
  mutating func next(into chunk: inout Chunk) throws(BuildError)
}

/// From the rows of a chunk to their lists, codes and packed rows, on the calling thread.
struct ChunkEncoder: Sendable {
  private let index: IndexParameters
  private let model: Model
  private let packing: VectorEncoder

  init(_ index: IndexParameters, _ model: Model) {
    self.index = index
    self.model = model
    packing = VectorEncoder(index)
  }

  func encode(_ chunk: inout Chunk) throws(BuildError) {
    RowCheck.normalize(&chunk.rows, index: index, threads: 1)
    chunk.packed.removeAll(keepingCapacity: true)
    try packing.encode(chunk.rows, firstRow: chunk.firstRow, of: chunk.file, to: &chunk.packed)
    model.rotation?.rotate(&chunk.rows, threads: 1)
    if let coarse = model.coarse {
      coarse.assign(chunk.rows, threads: 1, into: &chunk.lists)
      if model.residual { coarse.subtractCentroids(chunk.lists, from: &chunk.rows, threads: 1) }
    }
    model.quantizer?.encode(chunk.rows, threads: 1, into: &chunk.codes)
  }
}
