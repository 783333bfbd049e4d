import Foundation
import PQBuild
import PQFormat
import PQStorage
import PQTestSupport
import Synchronization
import Testing

/// How a build divides its budget.
@Suite struct MemoryPlanTests {
  static func plan(
    _ kind: IndexKind, _ dimension: Int, nlist: Int = 1024, threads: Int, memory: UInt64, vectors: VectorEncoding? = nil
  ) throws(BuildError) -> BuildPlan {
    var p = BuildParameters()
    p.kind = kind
    if kind == .ivfpq || kind == .ivfflat { p.nlist = nlist }
    p.threads = threads
    p.memory = memory
    p.vectors = vectors
    return try BuildPlan(p, dimension: dimension, count: 100_000_000, componentType: .f32)
  }

  /// The least budget of a plan that was refused; nil if it was not.
  static func least(_ plan: () throws(BuildError) -> BuildPlan) -> UInt64? {
    do throws(BuildError) {
      _ = try plan()
      return nil
    } catch {
      return error.description.split(separator: " ").last.flatMap { UInt64($0) }
    }
  }

  /// The pieces, counted one by one, fit into any budget that is taken, down to the least one, which the refusal of a
  /// smaller one names.
  @Test(arguments: IndexKind.allCases, [1, 2, 8, 64]) func piecesFit(_ kind: IndexKind, threads: Int) throws {
    for (dimension, vectors) in [(16, nil), (96, .f16), (784, .f32), (4096, nil)] as [(Int, VectorEncoding?)] {
      let encoding = kind == .flat ? VectorEncoding.f32 : vectors
      func plan(_ memory: UInt64) throws(BuildError) -> BuildPlan {
        try Self.plan(kind, dimension, threads: threads, memory: memory, vectors: encoding)
      }
      let least = try #require(Self.least { () throws(BuildError) in try plan(1) })
      #expect(Self.least { () throws(BuildError) in try plan(least - 1) } == least)
      for memory in [least, 2 * least, 1 << 30, 1 << 34] where memory >= least {
        let plan = try plan(memory)
        let memoryPlan = plan.memory
        let row = 4 * dimension + 8 + 4 + 2 * plan.index.m + plan.index.rowBytes
        let chunks = memoryPlan.chunks * memoryPlan.chunkRows * row
        let runs = memoryPlan.spillBytes == 0 ? 0 : 2 * memoryPlan.runVectors * (memoryPlan.spillBytes + 4)
        let program = 20 << 20
        #expect(UInt64(chunks + runs + program) + memoryPlan.modelBytes <= memory, "\(dimension), \(memory)")
        #expect(memoryPlan.mergeBytes <= memory)
        #expect(memoryPlan.chunkRows > 0 && memoryPlan.runVectors >= memoryPlan.chunkRows)
        #expect(memoryPlan.spillBytes == 0 || memoryPlan.runs(100_000_000) > 0)
      }
    }
  }

  /// More vectors take more runs and more disk, not more memory.
  @Test func memoryDoesNotGrow() throws {
    func memory(_ count: UInt64) throws(BuildError) -> MemoryPlan {
      var p = BuildParameters()
      p.nlist = 1024
      return try BuildPlan(p, dimension: 96, count: count, componentType: .f32).memory
    }
    let (small, large) = (try memory(1_000_000), try memory(1_000_000_000))
    #expect(small.chunkRows == large.chunkRows && small.runVectors == large.runVectors)
    #expect(small.least == large.least && small.mergeBytes == large.mergeBytes)
    #expect(large.runs(1_000_000_000) > 500 * small.runs(1_000_000))
    #expect(try #require(large.diskBytes) > 900 * (try #require(small.diskBytes)))
  }

  /// Whatever the number of runs, a vector of each fits into the budget beside its place: of many vectors runs are longer, and
  /// a budget that none are long enough for is refused.
  @Test(arguments: [UInt64(1) << 20, 100_000_000, 10_000_000_000]) func runsCanBeMerged(count: UInt64) throws {
    func plan(_ memory: UInt64, encodes: Bool = true) throws(BuildError) -> BuildPlan {
      var p = BuildParameters()
      (p.kind, p.nlist, p.memory) = (.ivfflat, 1024, memory)
      return try BuildPlan(p, dimension: 1024, count: count, componentType: .f32, encodes: encodes)
    }
    let least = try #require(Self.least { () throws(BuildError) in try plan(1) })
    #expect(Self.least { () throws(BuildError) in try plan(least - 1) } == least)
    let ofModel = Self.least { () throws(BuildError) in try plan(1, encodes: false) }
    #expect(try #require(ofModel) <= (count > 1 << 20 ? least - 1 : least))
    for memory in [least, least + least / 4, 4 * least] {
      let memoryPlan = try plan(memory).memory
      #expect(memoryPlan.runVectors % memoryPlan.chunkRows == 0)
      let places = memoryPlan.runs(count) * UInt64(memoryPlan.spillBytes + 200)
      #expect(places <= UInt64(memoryPlan.mergeBytes), "\(memory)")
    }
  }

  /// The plan is told once, before any row is encoded, and its runs are those that are made.
  @Test func planIsToldFirst() throws {
    let folder = try TemporaryFolder()
    let input = try folder.write(VectorBytes.fvecs(BuildTests.rows(1000)), to: "in.fvecs")
    var build = FileBuild(
      input: VectorSource(path: input), output: folder.path("o.pqx"), parameters: BuildTests.parameters())
    let told = Mutex<[String]>([])
    build.progress = { step in
      switch step {
      case .planned(let plan): told.withLock { $0.append("planned \(plan.memory.runs(1000)) runs") }
      case .encoded: told.withLock { $0.append("encoded") }
      default: break
      }
    }
    build.adjust = {
      $0.chunkRows = 100
      $0.runVectors = 300
    }
    _ = try build.run()
    let steps = told.withLock { $0 }
    #expect(steps == ["planned 4 runs"] + [String](repeating: "encoded", count: 10))
  }
}
