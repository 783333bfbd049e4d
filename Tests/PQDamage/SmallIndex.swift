internal import PQBuild
internal import PQFormat
internal import PQTestSupport

/// Index files of a few dozen vectors, built when they are asked for: one of each kind of index, and between them every
/// section and encoding. Searching them all over takes microseconds.
public enum SmallIndex: String, CaseIterable, Sendable {
  case flat
  case flatBytes = "flat-u8"
  case pq
  case ivfFlat = "ivfflat"
  case ivfPQ = "ivfpq"
  case ivfPQCompressed = "ivfpq-lz4"

  private static let rows = 40
  private static let dimension = 4

  /// The file, and one query for it.
  public func build() throws -> GoldenFile {
    let folder = try TemporaryFolder()
    let build = try fileBuild(in: folder)
    _ = try build.run()
    let query = SeededVectors.floats(rows: 1, dimension: Self.dimension, seed: 2)[0]
    return GoldenFile(name: rawValue, bytes: try folder.read("small.pqx"), queries: query.map { $0 * scale })
  }

  private var scale: Float { self == .flatBytes || self == .ivfPQCompressed ? 255 : 1 }

  private func fileBuild(in folder: borrowing TemporaryFolder) throws -> FileBuild {
    let (rows, dimension) = (Self.rows, Self.dimension)
    let input =
      scale == 1
      ? try folder.write(
        VectorBytes.fvecs(SeededVectors.floats(rows: rows, dimension: dimension, seed: 1)), to: "in.fvecs")
      // Few values, so that frames can be compressed.
      : try folder.write(
        VectorBytes.bvecs(SeededVectors.bytes(rows: rows, dimension: dimension, limit: 3, seed: 1)), to: "in.bvecs")
    var build = FileBuild(
      input: VectorSource(path: input), output: folder.path("small.pqx"), parameters: parameters)
    if self == .flatBytes || self == .ivfPQ {
      build.ids = try folder.write((0..<rows).flatMap { VectorBytes.bytes(UInt64(7 * $0 % rows * 1000)) }, to: "ids")
    }
    return build
  }

  private var parameters: BuildParameters {
    var p = BuildParameters()
    (p.m, p.nbits, p.iterations, p.memory) = (2, 4, 2, 64 << 20)
    switch self {
    case .flat: (p.kind, p.firstID) = (.flat, 1 << 40)
    case .flatBytes: (p.kind, p.vectors) = (.flat, .u8)
    case .pq: (p.kind, p.nbits) = (.pq, 5)
    case .ivfFlat: (p.kind, p.nlist, p.metric, p.vectors) = (.ivfflat, 3, .ip, .f16)
    case .ivfPQ: (p.kind, p.nlist, p.groups, p.vectors, p.rotates) = (.ivfpq, 4, 2, .f32, true)
    case .ivfPQCompressed: (p.kind, p.nlist, p.nbits, p.vectors, p.compression) = (.ivfpq, 2, 3, .u8, .lz4)
    }
    return p
  }
}
