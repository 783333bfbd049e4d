import Foundation
import PQBuild
import PQFormat
import PQSearch
import PQStorage
import PQTestSupport
import Testing

/// The whole way from rows to a published file.
@Suite struct BuildTests {
  static let dimension = 8

  static func rows(_ count: Int, seed: UInt64 = 7) -> [[Float]] {
    SeededVectors.floats(rows: count, dimension: dimension, seed: seed)
  }

  static func parameters(_ kind: IndexKind = .ivfpq) -> BuildParameters {
    var p = BuildParameters()
    p.kind = kind
    if kind == .ivfpq || kind == .ivfflat { p.nlist = 8 }
    if kind == .ivfpq || kind == .pq { p.m = 4 }
    p.nbits = 4
    p.iterations = 4
    return p
  }

  /// Builds rows into a file of the folder, and returns the file's bytes.
  static func build(
    _ rows: [[Float]], _ parameters: BuildParameters, in folder: borrowing TemporaryFolder, name: String = "out.pqx",
    ids: [UInt64]? = nil, adjust: @escaping @Sendable (inout MemoryPlan) -> Void = { _ in }
  ) throws -> [UInt8] {
    let input = try folder.write(VectorBytes.fvecs(rows), to: name + ".fvecs")
    var build = FileBuild(input: VectorSource(path: input), output: folder.path(name), parameters: parameters)
    if let ids {
      var bytes: [UInt8] = []
      for id in ids { bytes.append(littleEndian: id) }
      build.ids = try folder.write(bytes, to: name + ".ids")
    }
    build.adjust = adjust
    _ = try build.run()
    return Array(try Data(contentsOf: URL(fileURLWithPath: folder.path(name))))
  }

  @Test(arguments: IndexKind.allCases, Metric.allCases)
  func everyKindAndMetric(_ kind: IndexKind, _ metric: Metric) throws {
    let folder = try TemporaryFolder()
    for vectors in [nil, VectorEncoding.f32, .f16] as [VectorEncoding?] {
      var p = Self.parameters(kind)
      p.metric = metric
      p.vectors = vectors
      let name = "\(kind)-\(metric)-\(vectors?.name ?? "default").pqx"
      _ = try Self.build(Self.rows(300), p, in: folder, name: name)
      let index = try Index(path: folder.path(name))
      #expect(index.verify(deep: true) == [])
      #expect(index.parameters.count == 300 && index.parameters.kind == kind && index.parameters.metric == metric)
      let found = try index.search(Self.rows(300)[17], SearchOptions(k: 3, nprobe: 8))
      #expect(found[0].count == 3)
      if index.parameters.m == 0, metric != .ip { #expect(found[0].first?.id == 17) }
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(!names.contains { $0.hasSuffix(".work") })
  }

  @Test func sameBytesForThreadsAndMemory() throws {
    let folder = try TemporaryFolder()
    var p = Self.parameters()
    p.vectors = .f32
    let expected = try Self.build(Self.rows(3000), p, in: folder)
    for threads in [2, 8] {
      p.threads = threads
      let bytes = try Self.build(Self.rows(3000), p, in: folder, name: "t\(threads).pqx")
      #expect(bytes == expected, "\(threads) threads")
    }
    for memory in [100 << 20, 1 << 28, 1 << 32] as [UInt64] {
      p.memory = memory
      let bytes = try Self.build(Self.rows(3000), p, in: folder, name: "m\(memory).pqx")
      #expect(bytes == expected, "\(memory) bytes")
    }
  }

  /// Chunks and runs of any size give the same bytes: runs that end within a list, lists larger than all buffers
  /// together, a sample that is not in memory; with ids in order and in none.
  @Test(arguments: IndexKind.allCases, [false, true]) func sameBytesForPieces(_ kind: IndexKind, shuffled: Bool) throws
  {
    let folder = try TemporaryFolder()
    var p = Self.parameters(kind)
    p.threads = 2
    if kind == .ivfpq { p.vectors = .f16 }
    let ids = shuffled ? (0..<2000).map { UInt64($0) * 7919 % 2000 + 5_000_000_000 } : nil
    let expected = try Self.build(Self.rows(2000), p, in: folder, ids: ids)
    for (chunk, run, merge) in [(37, 37, 1), (64, 100, 4096), (333, 1000, 1 << 20), (5000, 5000, 1)] {
      let bytes = try Self.build(Self.rows(2000), p, in: folder, name: "\(chunk)-\(run).pqx", ids: ids) {
        $0.chunkRows = chunk
        $0.runVectors = run
        $0.mergeBytes = merge
        $0.sampleIsFile = run == 100 && kind != .flat
      }
      #expect(bytes == expected, "chunks of \(chunk), runs of \(run), \(merge) bytes to merge")
    }
  }

  @Test func groupsAreWrittenAndSearched() throws {
    let folder = try TemporaryFolder()
    var p = Self.parameters()
    p.nlist = 40
    p.groups = 6
    let expected = try Self.build(Self.rows(3000), p, in: folder)
    let index = try Index(path: folder.path("out.pqx"))
    #expect(index.sectionNames.contains("groups") && index.sectionNames.contains("centroidPages"))
    #expect(index.verify(deep: true) == [])
    let found = try index.search(Self.rows(3000)[17], SearchOptions(k: 3, nprobe: 40))
    #expect(found[0].count == 3)
    p.threads = 8
    p.memory = 64 << 20
    let same = try Self.build(Self.rows(3000), p, in: folder, name: "again.pqx") == expected
    #expect(same)
    p.groups = 0
    _ = try Self.build(Self.rows(3000), p, in: folder, name: "plain.pqx")
    let plain = try Index(path: folder.path("plain.pqx"))
    #expect(!plain.sectionNames.contains("groups") && !plain.sectionNames.contains("centroidPages"))
  }

  @Test func groupsAreChosenForManyLists() throws {
    func groups(_ nlist: Int, _ groups: Int? = nil) throws(BuildError) -> Int {
      var p = Self.parameters()
      p.nlist = nlist
      p.groups = groups
      return try BuildPlan(p, dimension: 8, count: 10_000_000, componentType: .f32).groups
    }
    #expect(try groups(16_384) == 0)
    #expect(try groups(65_536) == 256)
    #expect(try groups(100, 10) == 10)
    #expect(try groups(65_536, 0) == 0)
    for bad in [-1, 101] { #expect(throws: BuildError.self) { try groups(100, bad) } }
  }

  /// The sections have the bytes per vector that were asked for, or a part less, for few sizes of codes are possible.
  @Test(arguments: [IndexKind.pq, .ivfpq], [3.5, 6, 9, 20])
  func targetBytes(_ kind: IndexKind, _ target: Double) throws {
    let folder = try TemporaryFolder()
    var p = Self.parameters(kind)
    p.m = nil
    p.targetBytes = target
    _ = try Self.build(Self.rows(8000), p, in: folder)
    let index = try Index(path: folder.path("out.pqx"))
    let bytes = index.sectionNames.filter { $0 != "metadata" }.reduce(0) { $0 + (index.sectionRange($1)?.count ?? 0) }
    let found = Double(bytes) / 8000
    #expect(found < 1.03 * target && found > 0.6 * min(target, 9), "\(found)")
    #expect(try #require(try index.metadata()).contains("target_bytes"))
    #expect(index.parameters.dimension % index.parameters.m == 0)
  }

  @Test func targetBytesRefusals() throws {
    func plan(_ change: (inout BuildParameters) -> Void, count: UInt64? = 10_000) throws(BuildError) -> BuildPlan {
      var p = Self.parameters()
      p.m = nil
      p.targetBytes = 11
      change(&p)
      return try BuildPlan(p, dimension: 8, count: count, componentType: .f32)
    }
    #expect(try plan { _ in }.index.m == 8)
    #expect(throws: BuildError.self) { try plan { $0.targetBytes = 1 } }
    #expect(throws: BuildError.self) { try plan { $0.m = 4 } }
    #expect(throws: BuildError.self) {
      try plan {
        $0.kind = .flat; $0.nlist = nil
      }
    }
    #expect(throws: BuildError.self) { try plan({ $0.nlist = 5 }, count: nil) }
  }

  @Test func idsInAnyOrder() throws {
    let folder = try TemporaryFolder()
    let ids = (0..<500).map { 5_000_000_000 + UInt64($0) * 7919 % 500 * 3 }
    for kind in IndexKind.allCases {
      _ = try Self.build(Self.rows(500), Self.parameters(kind), in: folder, name: "\(kind).pqx", ids: ids)
      let index = try Index(path: folder.path("\(kind).pqx"))
      #expect(index.verify(deep: true) == [])
      let found = try index.search(Self.rows(500)[3], SearchOptions(k: 500, nprobe: 8))
      #expect(Set(found[0].map(\.id)) == Set(ids))
    }
  }

  @Test func firstIDs() throws {
    let folder = try TemporaryFolder()
    for kind in IndexKind.allCases {
      var p = Self.parameters(kind)
      p.firstID = 5_000_000_000
      _ = try Self.build(Self.rows(300), p, in: folder, name: "\(kind).pqx")
      let found = try Index(path: folder.path("\(kind).pqx")).search(
        Self.rows(300)[3], SearchOptions(k: 300, nprobe: 8))
      #expect(Set(found[0].map(\.id)) == Set((0..<300).map { 5_000_000_000 + $0 }))
    }
  }

  /// Equal vectors are equally near: the lowest ids win.
  @Test(arguments: IndexKind.allCases, [Float(0), 3.5]) func equalVectors(_ kind: IndexKind, _ value: Float) throws {
    let folder = try TemporaryFolder()
    let rows = [[Float]](repeating: [Float](repeating: value, count: Self.dimension), count: 200)
    _ = try Self.build(rows, Self.parameters(kind), in: folder)
    let found = try Index(path: folder.path("out.pqx")).search(rows[0], SearchOptions(k: 5, nprobe: 8))
    #expect(found[0].map(\.id) == [0, 1, 2, 3, 4])
  }
}
