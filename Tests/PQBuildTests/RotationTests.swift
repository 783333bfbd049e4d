import PQBuild
import PQDamage
import PQFormat
import PQSearch
import PQStorage
import PQTestSupport
import Synchronization
import Testing

/// Builds of rotated vectors.
@Suite struct RotationTests {
  private static let dimension = 16

  /// Rows of which all components depend on four numbers, and a little noise.
  private static func rows(_ count: Int, seed: UInt64) -> [[Float]] {
    let mixing = SeededVectors.floats(rows: dimension, dimension: 4, seed: 900)
    let hidden = SeededVectors.floats(rows: count, dimension: 4, seed: seed)
    let noise = SeededVectors.floats(rows: count, dimension: dimension, seed: seed + 1)
    return zip(hidden, noise).map { hidden, noise in
      (0..<dimension).map { c in 10 + zip(mixing[c], hidden).reduce(0.05 * noise[c]) { $0 + $1.0 * $1.1 } }
    }
  }

  private static func parameters(_ kind: IndexKind) -> BuildParameters {
    var p = BuildTests.parameters(kind)
    (p.m, p.rotates, p.vectors) = (4, true, .f32)
    return p
  }

  private static func recall(_ index: Index, _ queries: [[Float]], _ rows: [[Float]]) throws -> Double {
    let exact = OracleIndex(.l2, centroids: [], codebooks: [], rows: rows, ids: rows.indices.map(UInt64.init))
    let found = try index.search(queries.flatMap { $0 }, SearchOptions(k: 10, nprobe: 8))
    let hits = queries.indices.map { i in
      Set(found[i].map(\.id)).intersection(exact.search(queries[i], k: 10).map(\.id)).count
    }
    return Double(hits.reduce(0, +)) / Double(10 * queries.count)
  }

  /// Codes of as many bits find more where components depend on each other; exact distances are those of the rows.
  @Test(arguments: [IndexKind.pq, .ivfpq]) func findsMore(_ kind: IndexKind) throws {
    let folder = try TemporaryFolder()
    let (rows, queries) = (Self.rows(2000, seed: 910), Self.rows(30, seed: 920))
    var p = Self.parameters(kind)
    _ = try BuildTests.build(rows, p, in: folder, name: "rotated.pqx")
    p.rotates = false
    _ = try BuildTests.build(rows, p, in: folder, name: "plain.pqx")
    let (rotated, plain) = (
      try Index(path: folder.path("rotated.pqx")), try Index(path: folder.path("plain.pqx"))
    )
    #expect(rotated.verify(deep: true) == [] && rotated.parameters.isRotated && !plain.parameters.isRotated)
    #expect(rotated.sectionNames.contains("rotation") && !plain.sectionNames.contains("rotation"))
    let (more, less) = (try Self.recall(rotated, queries, rows), try Self.recall(plain, queries, rows))
    #expect(more > less + 0.1, "\(more), without a rotation \(less)")
    let options = SearchOptions(k: 5, nprobe: 8, rerank: 2000)
    for query in queries.prefix(3) {
      #expect(try rotated.search(query, options).neighbors == plain.search(query, options).neighbors)
    }
  }

  @Test(arguments: Metric.allCases) func sameBytes(_ metric: Metric) throws {
    let folder = try TemporaryFolder()
    var p = Self.parameters(.ivfpq)
    (p.metric, p.groups) = (metric, 3)
    let rows = Self.rows(1500, seed: 930)
    let expected = try BuildTests.build(rows, p, in: folder)
    #expect(try Index(path: folder.path("out.pqx")).verify(deep: true) == [])
    for (threads, chunk) in [(2, 37), (8, 5000)] {
      p.threads = threads
      let bytes = try BuildTests.build(rows, p, in: folder, name: "\(threads).pqx") {
        $0.chunkRows = chunk
        $0.sampleIsFile = threads == 2
      }
      #expect(bytes == expected, "\(threads) threads")
    }
  }

  /// Rows that have fewer directions than components, or none, leave axes free; so do fewer rows than components.
  @Test(arguments: [0, 1, 3], [16, 400]) func fewDirections(directions: Int, count: Int) throws {
    let folder = try TemporaryFolder()
    let values = SeededVectors.floats(rows: count, dimension: directions, seed: 940)
    let rows = values.map { row in (0..<Self.dimension).map { $0 < directions ? row[$0] : 7 } }
    var p = Self.parameters(.pq)
    p.nbits = 3
    _ = try BuildTests.build(rows, p, in: folder)
    let index = try Index(path: folder.path("out.pqx"))
    #expect(index.verify(deep: true) == [])
    let exact = try index.search(rows[5], SearchOptions(k: 1, rerank: count))
    #expect(exact[0].first?.distance == 0)
    // Codes hold more than the mean does; empty clusters are split by about a thousandth of it.
    let estimates = try index.search(rows.flatMap { $0 }, SearchOptions(k: count))
    let errors = rows.indices.map { i in
      estimates[i].first { $0.id == UInt64(i) }.map { Double($0.distance) } ?? .infinity
    }
    let spread = rows.reduce(0.0) { sum, row in
      sum + row.prefix(directions).reduce(0.0) { $0 + Double($1) * Double($1) }
    }
    let norms = Double(count * Self.dimension * 49)
    #expect(errors.reduce(0, +) <= 0.1 * spread + 2e-6 * norms, "\(errors.reduce(0, +)) of \(spread)")
  }

  /// Fewer training rows than codewords are refused, and no axes are sought for them.
  @Test func tooFewTrainingRows() throws {
    let plan = try BuildPlan(Self.parameters(.pq), dimension: Self.dimension, count: 1 << 20, componentType: .f32)
    for rows in [0, 15] {
      let sample = Self.rows(rows, seed: 950).flatMap { $0 }
      let asked = Mutex(0)
      let error = #expect(throws: BuildError.self) {
        try TrainedModel(plan, sample: sample) { step in
          if case .rotation = step { asked.withLock { $0 += 1 } }
        }
      }
      #expect(error?.kind == .usage && asked.withLock { $0 } == 0, "\(rows) rows")
    }
  }

  @Test func interruptedWhileAxesAreSought() throws {
    let plan = try BuildPlan(Self.parameters(.pq), dimension: Self.dimension, count: 1 << 20, componentType: .f32)
    let asked = Mutex(0)
    let error = #expect(throws: BuildError.self) {
      try TrainedModel(plan, sample: Self.rows(200, seed: 960).flatMap { $0 }) { step in
        if case .rotation = step { asked.withLock { $0 += 1 } }
      } isCancelled: {
        asked.withLock { $0 > 20 }
      }
    }
    #expect(error?.kind == .interrupted)
    #expect(asked.withLock { $0 } == 21)
  }

  /// A model whose axes no reader takes is refused before anything is encoded with it.
  @Test func modelOfOtherAxes() throws {
    let folder = try TemporaryFolder()
    let rows = Self.rows(300, seed: 970)
    _ = try BuildTests.build(rows, Self.parameters(.ivfpq), in: folder, name: "model.pqx")
    var file = SealedFile(try folder.read("model.pqx"))
    file.set(Float(2).bitPattern, at: file.range(.rotation).lowerBound)
    file.seal()
    try folder.write(file.bytes, to: "model.pqx")
    var build = FileBuild(input: VectorSource(path: folder.path("model.pqx.fvecs")), output: folder.path("out.pqx"))
    build.model = folder.path("model.pqx")
    do {
      _ = try build.run()
      Issue.record("the model was taken")
    } catch {
      #expect(error.kind == .badData && error.description.contains("section rotation"), "\(error)")
    }
  }

  @Test func tooManyComponents() throws {
    var p = BuildParameters()
    (p.kind, p.m, p.rotates) = (.pq, 1, true)
    let error = #expect(throws: BuildError.self) {
      try BuildPlan(p, dimension: 4097, count: 1 << 20, componentType: .f32)
    }
    #expect(error?.kind == .usage && error?.description.contains("--rotate") == true)
  }

  /// The budget has room for the axes, and for what they are learned from.
  @Test(arguments: [1 << 24, 100] as [UInt64]) func budget(count: UInt64) throws {
    var p = BuildParameters()
    (p.nlist, p.m, p.nbits, p.memory) = (16, 64, 4, 1 << 40)
    func least(_ rotates: Bool) throws(BuildError) -> UInt64 {
      p.rotates = rotates
      return try BuildPlan(p, dimension: 1024, count: count, componentType: .f32).memory.least
    }
    let (plain, rotated) = (try least(false), try least(true))
    let sampled = min(count, 16 * 1024)
    #expect(rotated >= plain + 8 * 1024 * (sampled + 2048) && rotated < plain + 24 * 1024 * (sampled + 2048))
  }
}
