/// How the rows of the vectors section are stored. Raw values are those of the file.
public enum VectorEncoding: UInt8, Sendable, CaseIterable {
  case none = 0
  case f32 = 1
  case f16 = 2
  case u8 = 3

  public var name: String { "\(self)" }

  public init?(name: String) {
    guard let encoding = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = encoding
  }
}

/// The kind of index that a file's parts make up; nothing in the file but the parts themselves says it.
public enum IndexKind: String, Sendable, CaseIterable {
  case flat, pq, ivfflat, ivfpq

  /// Whether there is a coarse quantizer.
  public var hasLists: Bool { self == .ivfflat || self == .ivfpq }
  /// Whether vectors are product-quantized.
  public var hasCodes: Bool { self == .pq || self == .ivfpq }
}

/// What the header says of the index (Formats/pqx-v1.md, "Header", bytes 72..<112).
public struct IndexParameters: Sendable, Equatable {
  /// The number of vectors, n.
  public var count: UInt64 = 0
  /// With implicit ids, the id of the first vector: id = firstID + position. 0 with stored ids.
  public var firstID: UInt64 = 0
  public var dimension = 1
  /// The number of lists of the coarse quantizer; 0: no coarse quantizer, all vectors are one list.
  public var nlist = 0
  /// The number of sub-quantizers; 0: no codes.
  public var m = 0
  /// Bits per code, 1...16; 0: no codes.
  public var nbits = 0
  public var metric = Metric.l2
  /// True when codes encode the residual to the list's centroid.
  public var residual = false
  /// True when centroids and codes are of rotated vectors (OPQ).
  public var isRotated = false
  /// True when the vectors of a code frame have brackets, by which they are scanned without a table for each list.
  public var hasBracket = false
  public var vectors = VectorEncoding.none
  /// What to add to a u8 component of the vectors section: 0 or −128.
  public var vectorOffset = 0
  /// True when ids are stored in id frames; otherwise they are implicit.
  public var storesIDs = false

  public init() {}

  /// Lists in the directory: one when there is no coarse quantizer.
  public var listCount: Int { max(1, nlist) }

  public var kind: IndexKind {
    switch (nlist > 0, m > 0) {
    case (false, false): .flat
    case (false, true): .pq
    case (true, false): .ivfflat
    case (true, true): .ivfpq
    }
  }

  /// Whether code frames of such an index may have brackets.
  package var takesBrackets: Bool { residual && metric == .l2 }

  /// Components of one sub-vector.
  public var subdimension: Int { m == 0 ? 0 : dimension / m }

  /// The largest dimension of a vector, in an index and in a vector file.
  package static let maximumDimension = 65_536
  /// Keeps every product of counts and sizes within 64 bits.
  package static let maximumCount: UInt64 = 1 << 40
}
