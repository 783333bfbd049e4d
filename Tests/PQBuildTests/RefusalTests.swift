import Foundation
import PQBuild
import PQFormat
import PQStorage
import PQTestSupport
import Testing

/// What cannot be built: the kind of error, and that nothing is left behind.
@Suite struct RefusalTests {
  private static func refusal(
    _ rows: [[Float]], in folder: borrowing TemporaryFolder, ids: [UInt64]? = nil,
    _ change: (inout BuildParameters) -> Void = { _ in }
  ) throws -> FailureKind? {
    var parameters = BuildTests.parameters()
    change(&parameters)
    do {
      _ = try BuildTests.build(rows, parameters, in: folder, ids: ids)
    } catch let error as BuildError {
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(!names.contains { $0.hasSuffix(".pqx") || $0.hasSuffix(".work") }, "\(names)")
      return error.kind
    }
    return nil
  }

  @Test func parameters() throws {
    let rows = BuildTests.rows(100)
    let cases: [(String, (inout BuildParameters) -> Void)] = [
      ("m", { $0.m = 3 }), ("m 0", { $0.m = 0 }), ("nbits 0", { $0.nbits = 0 }), ("nbits 17", { $0.nbits = 17 }),
      ("nlist 0", { $0.nlist = 0 }), ("nlist > n", { $0.nlist = 101 }), ("threads", { $0.threads = 0 }),
      ("train size", { $0.trainSize = 7 }), ("iterations", { $0.iterations = 0 }), ("align", { $0.alignmentLog2 = 17 }),
      ("u8 of float", { $0.vectors = .u8 }), ("too few for nbits", { $0.nbits = 7 }),
      ("first id", { $0.firstID = .max }),
      ("flat with lists", { $0.kind = .flat }),
      (
        "rotation without codes",
        {
          $0 = BuildTests.parameters(.ivfflat); $0.rotates = true
        }
      ),
      (
        "flat without vectors",
        {
          $0 = BuildTests.parameters(.flat); $0.vectors = VectorEncoding.none
        }
      ),
    ]
    for (name, change) in cases {
      let folder = try TemporaryFolder()
      let kind = try Self.refusal(rows, in: folder, change)
      #expect(kind == .usage, "\(name)")
    }
  }

  @Test func trainingRowsPerList() throws {
    for (count, refused, warned) in [(7, true, false), (8, false, true), (311, false, true), (312, false, false)] {
      let folder = try TemporaryFolder()
      var p = BuildTests.parameters(.ivfflat)
      p.trainSize = count
      let input = try folder.write(VectorBytes.fvecs(BuildTests.rows(400)), to: "in.fvecs")
      let build = FileBuild(input: VectorSource(path: input), output: folder.path("o.pqx"), parameters: p)
      if refused {
        #expect(throws: BuildError.self) { try build.plan() }
      } else {
        let notices = try build.plan().notices
        #expect(notices.contains { $0.hasPrefix("warning") } == warned, "\(count)")
      }
    }
  }

  @Test func badRows() throws {
    for (value, row) in [(Float.nan, 99), (.infinity, 50), (-.infinity, 0), (1e38, 99)] as [(Float, Int)] {
      let folder = try TemporaryFolder()
      var rows = BuildTests.rows(100)
      rows[row][5] = value
      let kind = try Self.refusal(rows, in: folder)
      #expect(kind == .badData, "\(value) in row \(row)")
    }
    let folder = try TemporaryFolder()
    var rows = BuildTests.rows(100)
    rows[98][2] = 1e5
    let kind = try Self.refusal(rows, in: folder) { $0.vectors = .f16 }
    #expect(kind == .badData)
  }

  /// A row is counted from the beginning of its file, whichever rows are encoded.
  @Test func badRowOfAPart() throws {
    let folder = try TemporaryFolder()
    var rows = BuildTests.rows(2000)
    var parameters = BuildTests.parameters()
    parameters.vectors = .f16
    _ = try BuildTests.build(rows, parameters, in: folder, name: "model.pqx")
    rows[1500][3] = 1e5
    let input = try folder.write(VectorBytes.fvecs(rows), to: "in.fvecs")
    var build = FileBuild(input: VectorSource(path: input), output: folder.path("a.pqx"), parameters: parameters)
    build.model = folder.path("model.pqx")
    build.rows = 1000..<2000
    let error = #expect(throws: BuildError.self) { try build.run() }
    let expected = "\(input): row 1500, component 3: 100000.0 does not fit; f16 holds at most 65504; use --vectors f32"
    #expect(error?.description == expected && error?.kind == .badData)
  }

  /// Of several bad rows the first one is named, whichever thread finds its own first.
  @Test func firstBadRow() throws {
    let folder = try TemporaryFolder()
    var rows = BuildTests.rows(2000)
    for row in [1234, 1300, 1900] { rows[row][3] = 1e5 }
    var parameters = BuildTests.parameters()
    parameters.vectors = .f16
    parameters.threads = 8
    for chunk in [1, 7, 100, 4096] {
      do {
        _ = try BuildTests.build(rows, parameters, in: folder) { $0.chunkRows = chunk }
        Issue.record("1e5 fits into f16")
      } catch let error as BuildError {
        #expect(error.description.hasPrefix(folder.path("out.pqx.fvecs") + ": row 1234, component 3"), "\(error)")
      }
    }
  }

  /// A training input that changes while it is sampled.
  @Test func changedTrainingInput() throws {
    let folder = try TemporaryFolder()
    let rows = BuildTests.rows(400)
    let input = try folder.write(VectorBytes.fvecs(rows), to: "in.fvecs")
    let training = try folder.write(VectorBytes.fvecs(rows), to: "train.fvecs")
    for trainsOnly in [false, true] {
      var build = FileBuild(
        input: VectorSource(path: input), output: folder.path("a.pqx"), parameters: BuildTests.parameters())
      build.trainingInput = VectorSource(path: training)
      build.trainsOnly = trainsOnly
      build.progress = {
        guard case .sampled = $0 else { return }
        let then = Date(timeIntervalSince1970: 5)
        try? FileManager.default.setAttributes([.modificationDate: then], ofItemAtPath: training)
      }
      do throws(BuildError) {
        _ = try build.run()
        Issue.record("the change was not noticed")
      } catch { #expect(error.kind == .badData, "\(error)") }
      try FileManager.default.setAttributes([.modificationDate: Date()], ofItemAtPath: training)
    }
    #expect(try folder.names().allSatisfy { !$0.hasSuffix(".pqx") })
  }

  /// Rows that no index can hold are refused before anything is computed from their number.
  @Test func rowsBeyondAll() throws {
    var parameters = BuildTests.parameters(.flat)
    parameters.memory = .max
    for count in [UInt64(1) << 40 + 1, 1 << 63, .max] {
      let error = #expect(throws: BuildError.self) {
        try BuildPlan(parameters, dimension: 8, count: count, componentType: .f32)
      }
      #expect(error?.kind == .badData, "\(count)")
    }
    for dimension in [-1, 0, 65_537, .max] {
      let error = #expect(throws: BuildError.self) {
        try BuildPlan(parameters, dimension: dimension, count: 10, componentType: .f32)
      }
      #expect(error?.kind == .badData, "\(dimension)")
    }
    parameters = BuildTests.parameters(.ivfpq)
    parameters.trainSize = .max
    let error = #expect(throws: BuildError.self) {
      try BuildPlan(parameters, dimension: 8, count: nil, componentType: .f32)
    }
    #expect(error?.kind == .usage)
  }

  @Test func badIDs() throws {
    let rows = BuildTests.rows(100)
    for ids in [[UInt64](repeating: 1, count: 100), Array(0..<99), Array(0..<101), Array(0..<99) + [40]] {
      let folder = try TemporaryFolder()
      let kind = try Self.refusal(rows, in: folder, ids: ids)
      #expect(kind == .badData, "\(ids.count) ids")
    }
  }

  @Test func outputs() throws {
    let folder = try TemporaryFolder()
    let input = try folder.write(VectorBytes.fvecs(BuildTests.rows(100)), to: "in.fvecs")
    func run(_ output: String, replacing: Bool = false) -> FailureKind? {
      var build = FileBuild(
        input: VectorSource(path: input), output: folder.path(output), parameters: BuildTests.parameters())
      build.replacing = replacing
      do throws(BuildError) { _ = try build.run() } catch { return error.kind }
      return nil
    }
    #expect(run("a.pqx") == nil)
    #expect(run("a.pqx") == .cannotCreate)
    #expect(run("a.pqx", replacing: true) == nil)
    #expect(run("none/a.pqx") == .cannotCreate)
    let attributes = try FileManager.default.attributesOfItem(atPath: folder.path("a.pqx"))
    #expect(attributes[.posixPermissions] as? Int == 0o444)
  }

  /// A build that is under way keeps others from the same output; one that is dropped leaves nothing.
  @Test func oneBuilderAnOutput() throws {
    let folder = try TemporaryFolder()
    let input = try folder.write(VectorBytes.fvecs(BuildTests.rows(100)), to: "in.fvecs")
    let output = folder.path("a.pqx")
    var build = FileBuild(input: VectorSource(path: input), output: output, parameters: BuildTests.parameters())
    let second = build
    let seen = Seen()
    build.progress = { step in
      guard case .sampled = step else { return }
      do throws(BuildError) { _ = try second.run() } catch { seen.kind = error.kind }
    }
    build.isCancelled = { seen.kind != nil }
    #expect(throws: BuildError.self) { try build.run() }
    #expect(seen.kind == .inUse)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(names == ["in.fvecs"])
  }

  @Test func inputThatChanges() throws {
    for replace in [false, true] {
      let folder = try TemporaryFolder()
      let bytes = VectorBytes.fvecs(BuildTests.rows(100))
      let input = try folder.write(bytes, to: "in.fvecs")
      var build = FileBuild(
        input: VectorSource(path: input), output: folder.path("a.pqx"), parameters: BuildTests.parameters())
      build.progress = { step in
        guard case .sampled = step else { return }
        let url = URL(fileURLWithPath: input)
        try? Data(bytes + (replace ? [] : bytes)).write(to: url, options: replace ? .atomic : [])
      }
      var kind: FailureKind?
      do throws(BuildError) { _ = try build.run() } catch { kind = error.kind }
      #expect(kind == .badData, "replace \(replace)")
    }
  }
}

/// What a callback saw; the build calls it on one thread.
private final class Seen: @unchecked Sendable {
  var kind: FailureKind?
}
