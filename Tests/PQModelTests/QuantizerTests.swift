import PQKernels
import PQModel
import PQTestSupport
import Testing

@Suite struct QuantizerTests {
  private func pack(_ vectors: [[Float]]) -> [Float] {
    let components = vectors.flatMap { $0 }
    return LaneBlocks.pack(components.span, dimension: vectors[0].count)
  }

  @Test(arguments: [1, 2, 8]) func coarse(threads: Int) {
    let centroids = SeededVectors.floats(rows: 21, dimension: 5, seed: 1)
    let rows = SeededVectors.floats(rows: 700, dimension: 5, seed: 2)
    let coarse = CoarseQuantizer(
      dimension: 5, nlist: 21, blocks: pack(centroids))
    var lists: [UInt32] = []
    var residuals = rows.flatMap { $0 }
    coarse.assign(residuals, threads: threads, into: &lists)
    coarse.subtractCentroids(lists, from: &residuals, threads: threads)
    let expected = rows.map { OracleMath.nearest($0[...], centroids) }
    #expect(lists.map(Int.init) == expected)
    #expect(residuals == zip(rows, expected).flatMap { row, list in zip(row, centroids[list]).map { $0 - $1 } })
  }

  /// Groups hold the same centroids, each in the group it is nearest to, and in the order they had.
  @Test(arguments: [1, 3, 16, 40]) func groupsReorderLists(count: Int) throws {
    let centroids = SeededVectors.floats(rows: 40, dimension: 5, seed: 3)
    let plain = CoarseQuantizer(dimension: 5, nlist: 40, blocks: pack(centroids))
    let grouped = try plain.grouped(into: count, threads: 1)
    let groups = try #require(grouped.groups)
    #expect(groups.starts.first == 0 && groups.starts.last == 40 && (1...count).contains(groups.count))
    let rows = unpack(grouped.blocks, count: 40, dimension: 5)
    let centers = unpack(groups.blocks, count: groups.count, dimension: 5)
    var seen = Set<Int>()
    for group in 0..<groups.count {
      let old = groups.lists(of: group).compactMap { list in centroids.firstIndex(of: rows[list]) }
      #expect(!old.isEmpty && old.count == groups.lists(of: group).count && old == old.sorted())
      #expect(old.allSatisfy { OracleMath.nearest(centroids[$0][...], centers) == group })
      seen.formUnion(old)
    }
    #expect(seen.count == 40)
    for threads in [2, 8] {
      let other = try plain.grouped(into: count, threads: threads)
      #expect(other.blocks == grouped.blocks && other.groups == groups)
    }
    #expect(throws: TrainingError.cancelled) { try plain.grouped(into: count, threads: 1) { _ in false } }
  }

  /// Of 600 lists in 40 groups a row looks at some 240: those of its nearest groups, in whole lane blocks.
  @Test(arguments: [1, 8]) func groupsNarrowTheChoice(threads: Int) throws {
    let centroids = SeededVectors.floats(rows: 600, dimension: 5, seed: 4)
    let coarse = try CoarseQuantizer(dimension: 5, nlist: 600, blocks: pack(centroids)).grouped(into: 40, threads: 1)
    let groups = try #require(coarse.groups)
    let lists = unpack(coarse.blocks, count: 600, dimension: 5)
    let centers = unpack(groups.blocks, count: groups.count, dimension: 5)
    let rows = SeededVectors.floats(rows: 2500, dimension: 5, seed: 5)
    var found: [UInt32] = []
    coarse.assign(rows.flatMap { $0 }, threads: threads, into: &found)
    var exact = 0
    for i in stride(from: 0, to: rows.count, by: 5) {
      let (row, list) = (rows[i], found[i])
      let order = (0..<groups.count).map { (OracleMath.chain(row[...], centers[$0][...], squared: true), $0) }.sorted(
        by: <)
      var candidates = Set<Int>()
      var seen = 0
      for (_, group) in order where seen < 16 * 600 / groups.count {
        let owned = groups.lists(of: group)
        seen += owned.count
        candidates.formUnion(owned.lowerBound / 16 * 16..<min(600, (owned.upperBound + 15) / 16 * 16))
      }
      let best = candidates.map { (OracleMath.chain(row[...], lists[$0][...], squared: true), $0) }.min(by: <)
      #expect(best?.1 == Int(list))
      exact += OracleMath.nearest(row[...], lists) == Int(list) ? 1 : 0
    }
    #expect(exact > 490 && exact <= 500, "\(exact)")
  }

  private func unpack(_ blocks: [Float], count: Int, dimension: Int) -> [[Float]] {
    (0..<count).map {
      var row: [Float] = []
      LaneBlocks.appendRow($0, of: blocks.span, dimension: dimension, to: &row)
      return row
    }
  }

  @Test(arguments: [1, 4, 5, 8, 9]) func encodeAndDecode(nbits: Int) {
    let codebooks = (0..<3).map { SeededVectors.floats(rows: 1 << nbits, dimension: 2, seed: 10 + UInt64($0)) }
    let quantizer = ProductQuantizer(
      dimension: 6, m: 3, nbits: nbits,
      codebooks: codebooks.flatMap { pack($0) })
    let rows = SeededVectors.floats(rows: nbits > 8 ? 40 : 600, dimension: 6, seed: 4)
    var codes: [UInt16] = []
    for threads in [1, 8] {
      quantizer.encode(rows.flatMap { $0 }, threads: threads, into: &codes)
      let expected = rows.flatMap { row in
        (0..<3).map { UInt16(OracleMath.nearest(OracleMath.part(row, $0, 3), codebooks[$0])) }
      }
      #expect(codes == expected, "\(threads)")
    }
    #expect(decode(Array(codes.prefix(3)), quantizer) == (0..<3).flatMap { codebooks[$0][Int(codes[$0])] })
  }

  /// The vector that the codes of one row stand for.
  private func decode(_ codes: [UInt16], _ quantizer: ProductQuantizer) -> [Float] {
    codes.indices.flatMap { s in
      (0..<quantizer.subdimension).map { quantizer.component($0, of: Int(codes[s]), subspace: s) }
    }
  }

  /// Twelve dimensions, four sub-vectors of three, four codewords each: worked out by hand.
  @Test func workedExample() {
    let words: [Float] = [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]
    let book = LaneBlocks.pack(words.span, dimension: 3)
    let quantizer = ProductQuantizer(dimension: 12, m: 4, nbits: 2, codebooks: book + book + book + book)
    var codes: [UInt16] = []
    // (0,0,0) is as near to codeword 0 as can be; (0,1,0) is as near to 0 as to 2, and the lower one wins.
    let rows: [Float] = [1, 0, 0.25, 0, 0, 0, 0, 1.5, 0, 0.25, 0, 3] + [0, 1, 0, 0.5, 0, 0, 9, 0, 0, 0, 9, 9]
    quantizer.encode(rows, threads: 1, into: &codes)
    #expect(codes == [1, 0, 2, 3, 0, 0, 1, 3])
    #expect(decode(Array(codes.prefix(4)), quantizer) == [1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3])
  }

  @Test func training() throws {
    let sample = SeededVectors.floats(rows: 900, dimension: 8, seed: 6).flatMap { $0 }
    func model(_ threads: Int, sample: [Float]) throws -> Model {
      try TrainingPlan(
        dimension: 8, nlist: 6, m: 4, nbits: 4, residual: true, coarseIterations: 4, codebookIterations: 4,
        threads: threads
      ).train(sample) { _ in true }
    }
    let one = try model(1, sample: sample)
    for threads in [2, 8] {
      let other = try model(threads, sample: sample)
      #expect(other.coarse?.blocks == one.coarse?.blocks && other.quantizer?.codebooks == one.quantizer?.codebooks)
      #expect(other.distortion == one.distortion)
    }
    #expect(throws: TrainingError.tooFewVectors(have: 15, centroids: 16, quantizer: "codebook 0")) {
      try model(1, sample: Array(sample.prefix(15 * 8)))
    }
    #expect(throws: TrainingError.tooFewVectors(have: 5, centroids: 6, quantizer: "coarse quantizer")) {
      try model(1, sample: Array(sample.prefix(5 * 8)))
    }
  }
}
