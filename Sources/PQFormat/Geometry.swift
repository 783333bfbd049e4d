package import PQKernels

/// Sizes and counts that follow from the parameters, and that the file therefore never states.
extension IndexParameters {
  package var codeLayout: CodeLayout? { m == 0 ? nil : CodeLayout(m: m, nbits: nbits, hasBracket: hasBracket) }

  package var rowBytes: Int {
    switch vectors {
    case .none: 0
    case .f32: 4 * dimension
    case .f16: 2 * dimension
    case .u8: dimension
    }
  }

  /// Rows of one vector frame: 16 KiB of them, at least one.
  package var rowsPerFrame: Int { max(1, 16_384 / max(1, rowBytes)) }

  @inlinable package static var idsPerFrame: Int { 1024 }

  package var centroidFloats: Int { LaneBlocks.floats(vectors: nlist, dimension: dimension) }

  /// Floats of the rotation.
  package var rotationFloats: Int { isRotated ? LaneBlocks.floats(vectors: dimension, dimension: dimension) : 0 }

  /// Floats of one subspace's codebook.
  package var codebookFloats: Int {
    m == 0 ? 0 : LaneBlocks.floats(vectors: 1 << nbits, dimension: subdimension)
  }

  /// Frames of one list of `count` vectors, by section. Any count is safe.
  package func frames(of kind: SectionKind, listCount count: UInt64) -> UInt64 {
    func pieces(of size: Int) -> UInt64 { count / UInt64(size) + (count % UInt64(size) == 0 ? 0 : 1) }
    switch kind {
    case .codes: return codeLayout.map { pieces(of: $0.vectorsPerFrame) } ?? 0
    case .ids: return storesIDs ? pieces(of: Self.idsPerFrame) : 0
    case .vectors: return vectors == .none ? 0 : pieces(of: rowsPerFrame)
    default: return 0
    }
  }

  /// The frame sections in the order in which a list's frames stand in the frame table.
  package static let frameSections: [SectionKind] = [.codes, .ids, .vectors]

  /// Vectors of one full frame.
  package func vectorsPerFrame(_ kind: SectionKind) -> Int {
    switch kind {
    case .codes: codeLayout?.vectorsPerFrame ?? 1
    case .ids: Self.idsPerFrame
    default: rowsPerFrame
    }
  }

  /// The most frames that lists of all vectors can have: every list may have one of each kind that is not full.
  package var mostFrames: UInt64 {
    let kinds = Self.frameSections.filter { frames(of: $0, listCount: 1) > 0 }
    return kinds.reduce(0) { $0 + count / UInt64(vectorsPerFrame($1)) + UInt64(listCount) }
  }

  /// The length of a frame of `count` vectors before compression. `planes` is an id frame's number of byte planes.
  package func rawFrameBytes(_ kind: SectionKind, vectors count: Int, planes: Int = 0) -> Int {
    switch kind {
    case .codes: codeLayout?.frameBytes(count) ?? 0
    case .ids: planes * count
    default: count * rowBytes
    }
  }
}

/// How codes stand in tiles (Formats/pqx-v1.md, "Code tiles"): 64 lanes × planes, `[plane][lane]`, low planes first.
package struct CodeLayout: Sendable, Equatable {
  package let m: Int
  package let nbits: Int
  /// Low planes: one a subspace, or one for two subspaces up to 4 bits.
  package let lowPlanes: Int
  /// High planes: none up to 8 bits, a nibble a subspace up to 12, a byte above.
  package let highPlanes: Int
  /// Whether a last plane holds the vectors' brackets.
  package let hasBracket: Bool

  @inlinable package static var tileLanes: Int { 64 }
  /// A list's last tile has its lanes rounded up to this.
  @inlinable package static var laneStep: Int { 16 }

  package init(m: Int, nbits: Int, hasBracket: Bool = false) {
    self.m = m
    self.nbits = nbits
    self.hasBracket = hasBracket
    lowPlanes = nbits <= 4 ? (m + 1) / 2 : m
    highPlanes = nbits <= 8 ? 0 : nbits <= 12 ? (m + 1) / 2 : m
  }

  /// Planes that hold codes.
  package var codePlanes: Int { lowPlanes + highPlanes }

  package var planes: Int { codePlanes + (hasBracket ? 1 : 0) }

  package var shape: CodeShape { CodeShape(m: m, nbits: nbits, planes: planes, hasBracket: hasBracket) }

  /// Entries of a float lookup table.
  package var tableFloats: Int { shape.tableFloats }

  /// Whether a code's planes can hold more than the codes below 2^nbits.
  package var canHoldOtherCodes: Bool { shape.planeValues > 1 << nbits }

  /// Up to 64 tiles, but no more than 1 MiB of them: a frame is what a reader may have to decompress whole.
  package var tilesPerFrame: Int { max(1, min(64, (1 << 20) / (planes * Self.tileLanes))) }

  package var vectorsPerFrame: Int { tilesPerFrame * Self.tileLanes }

  /// Lanes stored for `count` vectors of one frame.
  package static func lanes(_ count: Int) -> Int { (count + laneStep - 1) / laneStep * laneStep }

  package func frameBytes(_ count: Int) -> Int { planes * Self.lanes(count) }
}
