import PQBuild
import PQFormat
import PQKernels
import PQModel
import PQSearch
import PQStorage
import PQTestSupport

/// An index of given quantizers, and the oracle over the same data.
struct Fixture {
  var metric = Metric.l2
  var dimension = 8
  var nlist = 0
  var m = 0
  var nbits = 4
  var vectors = VectorEncoding.f32
  var rows: [[Float]] = []
  var ids: [UInt64]?
  /// Where each group of lists begins, and the number of lists; empty: no groups.
  var groupStarts: [Int] = []
  /// Whether centroids and codes are of rotated vectors.
  var isRotated = false
  /// Whole numbers: many equal distances.
  var whole = false
  var seed: UInt64 = 1

  func values(_ rows: Int, _ dimension: Int, seed: UInt64) -> [[Float]] {
    whole
      ? SeededVectors.bytes(rows: rows, dimension: dimension, limit: 2, seed: seed).map { $0.map(Float.init) }
      : SeededVectors.floats(rows: rows, dimension: dimension, seed: seed)
  }

  var centroids: [[Float]] { values(nlist, dimension, seed: seed + 1) }

  var axes: [[Float]] { isRotated ? SeededVectors.axes(dimension: dimension, seed: seed + 3) : [] }

  /// The groups' lists, and centroids that have nothing to do with theirs.
  var groups: [(lists: Range<Int>, centroid: [Float])] {
    let centers = values(groupStarts.count, dimension, seed: seed + 2)
    return groupStarts.indices.dropLast().map { (groupStarts[$0]..<groupStarts[$0 + 1], centers[$0]) }
  }

  /// `[subspace][codeword][component]`.
  var codebooks: [[[Float]]] {
    (0..<m).map { values(1 << nbits, dimension / m, seed: seed + 100 + UInt64($0)) }
  }

  var rowIDs: [UInt64] { ids ?? (0..<UInt64(rows.count)).map { $0 } }

  private func pack(_ vectors: [[Float]], _ dimension: Int) -> [Float] {
    let components = vectors.flatMap { $0 }
    return LaneBlocks.pack(components.span, dimension: dimension)
  }

  func write(to path: String, centroids: [[Float]], codebooks: [[[Float]]], chunk: Int = .max) throws {
    var p = BuildParameters()
    p.kind = nlist > 0 ? (m > 0 ? .ivfpq : .ivfflat) : (m > 0 ? .pq : .flat)
    p.metric = metric
    p.nlist = nlist > 0 ? nlist : nil
    p.m = m > 0 ? m : nil
    p.nbits = nbits
    p.rotates = isRotated
    p.vectors = vectors
    p.trainSize = max(1 << nbits, nlist)  // the model is made by hand
    let plan = try BuildPlan(
      p, dimension: dimension, count: 1 << 24, componentType: vectors == .u8 ? .u8 : .f32, storesIDs: ids != nil)
    let groups = CoarseQuantizer.Groups(
      starts: groupStarts.map(UInt32.init), blocks: pack(groups.map(\.centroid), dimension))
    let coarse = CoarseQuantizer(
      dimension: dimension, nlist: nlist, blocks: pack(centroids, dimension),
      groups: groupStarts.isEmpty ? nil : groups)
    var model = Model(
      dimension: dimension, coarse: nlist > 0 ? coarse : nil, quantizer: nil, residual: plan.index.residual)
    if isRotated { model.rotation = Rotation(dimension: dimension, blocks: pack(axes, dimension)) }
    if m > 0 {
      model.quantizer = ProductQuantizer(
        dimension: dimension, m: m, nbits: nbits,
        codebooks: codebooks.flatMap { pack($0, dimension / m) })
    }
    var builder = try IndexBuilder(TrainedModel(plan, model: model), output: path)
    for first in stride(from: 0, to: rows.count, by: min(chunk, max(1, rows.count))) {
      let range = first..<min(rows.count, first.addingReportingOverflow(chunk).overflow ? .max : first + chunk)
      try builder.add(rows[range].flatMap { $0 }, ids: ids.map { Array($0[range]) })
    }
    _ = try builder.finish()
  }

  func oracle(centroids: [[Float]], codebooks: [[[Float]]]) -> OracleIndex {
    OracleIndex(
      metric == .l2 ? .l2 : metric == .ip ? .ip : .cosine, centroids: centroids, codebooks: codebooks, rows: rows,
      ids: rowIDs, axes: axes, store: vectors == .f16 ? { Float(Float16($0)) } : { $0 })
  }

  /// Writes the index and makes its oracle.
  func make(in folder: borrowing TemporaryFolder) throws -> (index: Index, oracle: OracleIndex) {
    let (centroids, codebooks) = (centroids, codebooks)
    let path = folder.path("\(seed).pqx")
    try write(to: path, centroids: centroids, codebooks: codebooks)
    return (try Index(path: path), oracle(centroids: centroids, codebooks: codebooks))
  }
}

extension SearchResults {
  /// Bit patterns, so that a difference in the last bit or the sign of zero shows.
  func bits(_ query: Int) -> [[UInt64]] { self[query].map { [$0.id, UInt64($0.distance.bitPattern)] } }
}

extension [OracleIndex.Neighbor] {
  var bits: [[UInt64]] { map { [$0.id, UInt64($0.distance.bitPattern)] } }
}
