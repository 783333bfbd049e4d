internal import PQBuild
internal import PQFormat
internal import PQModel
internal import PQStorage
internal import PQTestSupport

/// Index files that are codebooks for the most part: quantized tables of 5 bits, padded to all that a byte can hold, would be
/// twice the file.
public enum WideIndex {
  /// Writes an index of a few vectors, of one component a subspace.
  public static func write(to path: String, nbits: Int, m: Int, nlist: Int = 0) throws {
    var p = BuildParameters()
    (p.kind, p.m, p.nbits, p.nlist) = (nlist > 0 ? .ivfpq : .pq, m, nbits, nlist > 0 ? nlist : nil)
    p.trainSize = 1 << nbits  // the model is made by hand
    let rows = SeededVectors.floats(rows: 20, dimension: m, seed: 1).flatMap { $0 }
    let plan = try BuildPlan(
      p, dimension: m, count: 1 << nbits, componentType: .f32, storesIDs: false)
    var model = Model(dimension: m, coarse: nil, quantizer: nil, residual: plan.index.residual)
    if nlist > 0 {
      // Whole lane blocks of zeros: the first list takes all.
      let floats = (nlist + 15) / 16 * 16 * m
      model.coarse = CoarseQuantizer(dimension: m, nlist: nlist, blocks: [Float](repeating: 0, count: floats))
    }
    let count = 1 << nbits
    let book: [Float] = (0..<count).map { Float(2 * $0) / Float(count) - 1 }
    let words = [[Float]](repeating: book, count: m).flatMap { $0 }
    model.quantizer = ProductQuantizer(dimension: m, m: m, nbits: nbits, codebooks: words)
    var builder = try IndexBuilder(TrainedModel(plan, model: model), output: path)
    try builder.add(rows)
    _ = try builder.finish()
  }
}
