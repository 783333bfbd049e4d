public import PQFormat

/// What to build. Values that are nil are chosen from the input (see ``BuildPlan``).
public struct BuildParameters: Sendable, Equatable {
  public var kind = IndexKind.ivfpq
  public var metric = Metric.l2
  /// Lists of the coarse quantizer; nil: about 4 · √n. More lists: shorter ones, a larger file, slower assignment.
  public var nlist: Int?
  /// Groups of lists that are near each other, at most nlist; 0: none; nil: about √nlist above ``groupedLists`` lists.
  public var groups: Int?
  /// Sub-quantizers; nil: the divisor of D nearest D/8. More: larger codes, better recall.
  public var m: Int?
  /// Bytes of file per vector: chooses ``m``, which must be nil, and ``nbits``, whatever it says. Needs the number of vectors.
  public var targetBytes: Double?
  /// Bits of a code, 1...16. 8 is the fast path.
  public var nbits = 8
  /// Whether vectors are rotated before they are quantized (optimized product quantization): codes lose less where
  /// components depend on each other, and each query is rotated too. Only with codes.
  public var rotates = false
  /// Stored vectors for exact distances; nil: none beside codes, f32 without.
  public var vectors: VectorEncoding?
  /// Rows to train on; nil: max(64 · nlist, 256 · 2^nbits), with a rotation at least max(4096, 16 · D), at most n.
  public var trainSize: Int?
  /// k-means iterations; nil: 10 for the coarse quantizer, 25 for the codebooks.
  public var iterations: Int?
  public var seed: UInt64 = 1
  /// Bytes that the build may allocate.
  public var memory: UInt64 = 1 << 30
  public var threads = 1
  /// The id of row 0; ids count up from it. Not with an ids file.
  public var firstID: UInt64 = 0
  public var compression = Compression.auto
  /// Sections start at multiples of 2^this, 12...16.
  public var alignmentLog2 = 12

  /// Up to here a search of all lists is as good as one through groups.
  public static let groupedLists = 16_384

  public init() {}
}

/// Which frames may be LZ4 blocks; a block is kept where it saves at least an eighth.
public enum Compression: String, Sendable, CaseIterable {
  /// Codes and ids.
  case auto
  /// Codes, ids and vectors.
  case lz4
  /// No frame.
  case none
}
