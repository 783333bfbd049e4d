import Foundation
import PQBuild
import PQFormat
import PQStorage
import PQTestSupport
import Synchronization
import Testing

/// Builds that end early and are gone on with.
@Suite struct ResumeTests {
  static let rows = BuildTests.rows(900)

  static func build(
    _ kind: IndexKind, in folder: borrowing TemporaryFolder, name: String, ids: Bool = false
  ) throws -> FileBuild {
    let input = folder.path("in.fvecs")
    if !FileManager.default.fileExists(atPath: input) { try folder.write(VectorBytes.fvecs(Self.rows), to: "in.fvecs") }
    var parameters = BuildTests.parameters(kind)
    parameters.threads = 2
    if kind == .ivfpq { parameters.vectors = .f32 }
    var build = FileBuild(input: VectorSource(path: input), output: folder.path(name), parameters: parameters)
    if ids {
      let bytes = (0..<900).flatMap { VectorBytes.bytes(UInt64($0 * 7919 % 900)) }
      build.ids = folder.path("ids")
      if !FileManager.default.fileExists(atPath: folder.path("ids")) { try folder.write(bytes, to: "ids") }
    }
    // A checkpoint after every chunk and every list.
    build.adjust = {
      $0.chunkRows = 64
      $0.runVectors = 200
      $0.mergeBytes = 1
      $0.checkpointInterval = .zero
    }
    return build
  }

  /// Runs the build, and ends it at the first report that `isReached`.
  static func interrupt(_ build: FileBuild, at isReached: @escaping @Sendable (BuildProgress) -> Bool) {
    var build = build
    let isEnding = Atomic(false)
    build.progress = { if isReached($0) { isEnding.store(true, ordering: .relaxed) } }
    build.isCancelled = { isEnding.load(ordering: .relaxed) }
    let error = #expect(throws: BuildError.self) { try build.run() }
    #expect(error?.kind == .interrupted)
  }

  /// Ends the build at its n-th question whether to, for every n until one gets to the end, each time going on from
  /// where the one before was.
  @Test(arguments: IndexKind.allCases, [false, true]) func interruptedAgainAndAgain(_ kind: IndexKind, ids: Bool) throws
  {
    let folder = try TemporaryFolder()
    _ = try Self.build(kind, in: folder, name: "whole.pqx", ids: ids).run()
    let expected = try folder.read("whole.pqx")
    var build = try Self.build(kind, in: folder, name: "parts.pqx", ids: ids)
    build.resuming = true
    var interruptions = 0
    // Training begins anew each time, so each run must be allowed a little more than it.
    for patience in 1...1000 {
      let asked = Atomic(0)
      build.isCancelled = { asked.wrappingAdd(1, ordering: .relaxed).newValue > patience }
      do throws(BuildError) {
        _ = try build.run()
        break
      } catch {
        interruptions += 1
        #expect(error.kind == .interrupted, "\(error)")
      }
    }
    #expect(interruptions > 3)
    let same = try folder.read("parts.pqx") == expected
    #expect(same)
    let names = try folder.names()
    #expect(!names.contains { $0.hasSuffix(".work") })
  }

  /// A kill leaves the work folder as it is at some moment: copies of it, taken at every report of progress, are gone on
  /// with.
  @Test(arguments: IndexKind.allCases) func killedAnywhere(_ kind: IndexKind) throws {
    let folder = try TemporaryFolder()
    var build = try Self.build(kind, in: folder, name: "whole.pqx")
    let path = folder.path
    let copies = Mutex(0)
    build.progress = { step in
      if case .ended("write") = step { return }  // published
      copies.withLock { count in
        let target = "\(path)/\(count).pqx.work"
        guard (try? FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: false)) != nil
        else {
          return
        }
        // The journal first: what it speaks of is there.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/whole.pqx.work")) ?? []
        for name in names.sorted(by: { a, _ in a == "journal" }) where name != "lock" {
          try? FileManager.default.copyItem(atPath: "\(path)/whole.pqx.work/\(name)", toPath: "\(target)/\(name)")
        }
        count += 1
      }
    }
    _ = try build.run()
    let expected = try folder.read("whole.pqx")
    let count = copies.withLock { $0 }
    #expect(count > 10)
    for copy in 0..<count {
      var resumed = try Self.build(kind, in: folder, name: "\(copy).pqx")
      resumed.resuming = true
      _ = try resumed.run()
      let same = try folder.read("\(copy).pqx") == expected
      #expect(same, "killed at report \(copy) of \(count)")
    }
  }

  /// The journal ends anywhere, or has a wrong byte anywhere: what is before is gone on from, or the build begins.
  @Test func damagedJournal() throws {
    let folder = try TemporaryFolder()
    _ = try Self.build(.ivfpq, in: folder, name: "whole.pqx").run()
    let expected = try folder.read("whole.pqx")
    Self.interrupt(try Self.build(.ivfpq, in: folder, name: "a.pqx")) {
      if case .merging(3, _, _) = $0 { true } else { false }
    }
    let saved = folder.path("saved")
    try FileManager.default.copyItem(atPath: folder.path("a.pqx.work"), toPath: saved)
    let journal = try folder.read("saved/journal")
    for cut in stride(from: 0, to: journal.count, by: 97) {
      for flips in [false, true] where !flips || cut >= 8 {
        try? FileManager.default.removeItem(atPath: folder.path("a.pqx.work"))
        try? FileManager.default.removeItem(atPath: folder.path("a.pqx"))
        try FileManager.default.copyItem(atPath: saved, toPath: folder.path("a.pqx.work"))
        var bytes = flips ? journal : Array(journal.prefix(cut))
        if flips { bytes[cut] ^= 0x40 }
        try folder.write(bytes, to: "a.pqx.work/journal")
        var resumed = try Self.build(.ivfpq, in: folder, name: "a.pqx")
        resumed.resuming = true
        _ = try resumed.run()
        let same = try folder.read("a.pqx") == expected
        #expect(same, "journal of \(journal.count) bytes, \(flips ? "damaged" : "cut") at \(cut)")
      }
    }
  }

  /// A build that nobody can go on with, of the same output, is refused, too, and what was done before stays.
  @Test func refusalsOfOthers() throws {
    let folder = try TemporaryFolder()
    _ = try Self.build(.ivfpq, in: folder, name: "whole.pqx").run()
    let expected = try folder.read("whole.pqx")
    let begun = try Self.build(.ivfpq, in: folder, name: "a.pqx")
    Self.interrupt(begun) { if case .encoded = $0 { true } else { false } }
    let journal = try folder.read("a.pqx.work/journal")

    func merge(replacing: Bool) -> FailureKind? {
      var merge = IndexMerge([folder.path("whole.pqx")], output: folder.path("a.pqx"))
      merge.replacing = replacing
      do throws(BuildError) { _ = try merge.run() } catch { return error.kind }
      return nil
    }
    #expect(merge(replacing: false) == .cannotCreate)
    let refused = #expect(throws: BuildError.self) { try begun.plan() }
    #expect(refused?.kind == .cannotCreate)
    var again = begun
    again.resuming = true
    let plan = try again.plan()
    again.parameters.seed += 1
    #expect(throws: BuildError.self) { try again.plan() }
    again.parameters.seed -= 1
    let trained = try TrainedModel(plan, sample: Self.rows.flatMap { $0 })
    do throws(BuildError) {
      _ = try IndexBuilder(trained, output: folder.path("a.pqx"))
      Issue.record("an interrupted build was forgotten")
    } catch { #expect(error.kind == .cannotCreate) }
    // Also where the output is there, as that of a build that replaces it.
    try folder.write(expected, to: "a.pqx")
    #expect(merge(replacing: false) == .cannotCreate)
    try folder.write(Array("PQXJRNL9".utf8) + journal.dropFirst(8), to: "a.pqx.work/journal")
    #expect(merge(replacing: false) == .badData)
    try folder.write(journal, to: "a.pqx.work/journal")

    try FileManager.default.removeItem(atPath: folder.path("a.pqx"))
    var resumed = try Self.build(.ivfpq, in: folder, name: "a.pqx")
    resumed.resuming = true
    let first = Atomic<UInt64>(0)
    resumed.progress = {
      if case .encoded(let rows, _, _) = $0 {
        _ = first.compareExchange(expected: 0, desired: rows, ordering: .relaxed)
      }
    }
    _ = try resumed.run()
    #expect(first.load(ordering: .relaxed) > 64, "rows that were encoded before were encoded again")
    let same = try folder.read("a.pqx") == expected
    #expect(same)
    #expect(merge(replacing: true) == nil)
  }

  /// A model with the same quantizers that is to be written in another way is another model.
  @Test func otherModel() throws {
    let folder = try TemporaryFolder()
    for (name, alignment) in [("12.pqx", 12), ("16.pqx", 16)] {
      var train = try Self.build(.pq, in: folder, name: name)
      train.trainsOnly = true
      train.parameters.alignmentLog2 = alignment
      _ = try train.run()
    }
    var begun = try Self.build(.pq, in: folder, name: "a.pqx")
    begun.model = folder.path("12.pqx")
    Self.interrupt(begun) { if case .encoded = $0 { true } else { false } }
    var other = try Self.build(.pq, in: folder, name: "a.pqx")
    other.model = folder.path("16.pqx")
    other.resuming = true
    do throws(BuildError) {
      _ = try other.run()
      Issue.record("the model of another file was taken for that of this")
    } catch { #expect(error.kind == .badData, "\(error)") }
    other.model = begun.model
    _ = try other.run()
  }

  /// A build is ended within its only list, and while its file is put together.
  @Test func interruptedWithinAList() throws {
    let folder = try TemporaryFolder()
    let rows = SeededVectors.floats(rows: 9000, dimension: 4, seed: 12)
    let input = try folder.write(VectorBytes.fvecs(rows), to: "in.fvecs")
    let ids = try folder.write((0..<9000).flatMap { VectorBytes.bytes(UInt64($0 * 7919 % 9000)) }, to: "ids")
    var parameters = BuildTests.parameters(.pq)
    parameters.vectors = .f32
    func build(_ output: String) -> FileBuild {
      var build = FileBuild(
        input: VectorSource(path: input), output: folder.path(output), parameters: parameters)
      build.ids = ids
      build.resuming = true
      return build
    }
    _ = try build("whole.pqx").run()
    let expected = try folder.read("whole.pqx")
    for patience in [1, 2] {
      for stage in ["merging", "writing"] {
        var begun = build("\(stage)\(patience).pqx")
        let isThere = Atomic(false)
        let asked = Atomic(0)
        begun.progress = {
          switch $0 {
          case .merging: isThere.store(stage == "merging", ordering: .relaxed)
          case .writing: isThere.store(stage == "writing", ordering: .relaxed)
          default: break
          }
        }
        begun.isCancelled = {
          isThere.load(ordering: .relaxed) && asked.wrappingAdd(1, ordering: .relaxed).newValue > patience
        }
        do throws(BuildError) {
          _ = try begun.run()
          #expect(stage == "writing" && patience == 2, "\(stage) was not ended at question \(patience + 1)")
        } catch { #expect(error.kind == .interrupted, "\(error)") }
        begun = build("\(stage)\(patience).pqx")
        begun.replacing = true
        _ = try begun.run()
        let same = try folder.read("\(stage)\(patience).pqx") == expected
        #expect(same, "\(stage) \(patience)")
      }
    }
  }

  /// However often a build is saved, the journal is not much longer than what it says.
  @Test func journalStaysShort() throws {
    let folder = try TemporaryFolder()
    var build = try Self.build(.ivfpq, in: folder, name: "a.pqx")
    build.adjust = {
      $0.chunkRows = 4
      $0.runVectors = 4
      $0.checkpointInterval = .zero
    }
    let most = Atomic(0)
    let last = Atomic(0)
    let journal = folder.path("a.pqx.work/journal")
    build.progress = { _ in
      guard let bytes = FileManager.default.contents(atPath: journal) else { return }
      let lengths = Journal.recordLengths(Array(bytes))
      most.store(max(most.load(ordering: .relaxed), lengths.count), ordering: .relaxed)
      last.store(max(last.load(ordering: .relaxed), lengths.last ?? 0), ordering: .relaxed)
    }
    _ = try build.run()
    #expect(last.load(ordering: .relaxed) > 8 * 200, "a checkpoint tells of all runs")
    #expect(most.load(ordering: .relaxed) < 24)
  }

  /// What differs from the build that was begun is refused, and what that has done stays.
  @Test func refusals() throws {
    let folder = try TemporaryFolder()
    Self.interrupt(try Self.build(.ivfpq, in: folder, name: "a.pqx")) {
      if case .encoded(let rows, _, _) = $0 { rows > 300 } else { false }
    }
    func run(_ change: (inout FileBuild) -> Void) throws -> (FailureKind, String)? {
      var build = try Self.build(.ivfpq, in: folder, name: "a.pqx")
      build.resuming = true
      change(&build)
      do throws(BuildError) { _ = try build.run() } catch { return (error.kind, error.description) }
      return nil
    }
    let seed = try #require(try run { $0.parameters.seed = 2 })
    #expect(seed.0 == .usage && seed.1.contains("it was seed 1, it is seed 2"), "\(seed.1)")
    let rotated = try #require(try run { $0.parameters.rotates = true })
    #expect(rotated.0 == .usage && rotated.1.contains("it was not rotated, it is rotated"), "\(rotated.1)")
    let fresh = try #require(try run { $0.resuming = false })
    #expect(fresh.0 == .cannotCreate && fresh.1.contains("--resume"), "\(fresh.1)")

    let input = folder.path("in.fvecs")
    var bytes = try folder.read("in.fvecs")
    #expect(try runInstalled("cp", ["-p", input, folder.path("time")]).exitCode == 0)
    bytes[40] ^= 1
    try FileHandle(forWritingTo: URL(fileURLWithPath: input)).write(contentsOf: Data(bytes))
    let written = try #require(try run { _ in })
    #expect(written.0 == .badData && written.1.contains("input changed"), "\(written.1)")
    // The same time again: the checksum of the first rows tells.
    #expect(try runInstalled("touch", ["-r", folder.path("time"), input]).exitCode == 0)
    let row = try #require(try run { _ in })
    #expect(row.0 == .badData && row.1.contains("CRC") && !row.1.contains("modified"), "\(row.1)")
    bytes[40] ^= 1
    try FileHandle(forWritingTo: URL(fileURLWithPath: input)).write(contentsOf: Data(bytes))
    #expect(try runInstalled("touch", ["-r", folder.path("time"), input]).exitCode == 0)

    let journal = try folder.read("a.pqx.work/journal")
    try folder.write(Array("PQXJRNL9".utf8) + journal.dropFirst(8), to: "a.pqx.work/journal")
    let version = try #require(try run { _ in })
    #expect(version.0 == .badData && version.1.contains("another version"), "\(version.1)")
    try folder.write(journal, to: "a.pqx.work/journal")
    #expect(try run { _ in } == nil)
    _ = try Self.build(.ivfpq, in: folder, name: "whole.pqx").run()
    let same = try folder.read("a.pqx") == folder.read("whole.pqx")
    #expect(same)
  }

  /// More runs come than the budget can merge, as a stream may have them: with more memory the build goes on.
  @Test func moreRunsThanCanBeMerged() throws {
    let folder = try TemporaryFolder()
    _ = try Self.build(.ivfpq, in: folder, name: "whole.pqx").run()
    var build = try Self.build(.ivfpq, in: folder, name: "a.pqx")
    let adjust = build.adjust
    build.adjust = {
      adjust(&$0)
      $0.mostRuns = 2
    }
    let rows = Mutex<UInt64>(0)
    build.progress = { if case .encoded(let count, _, _) = $0 { rows.withLock { $0 = count } } }
    let error = #expect(throws: BuildError.self) { _ = try build.run() }
    #expect(error?.kind == .usage && error?.description.contains("--memory") == true, "\(String(describing: error))")
    #expect(rows.withLock { $0 } < 900)
    build.adjust = adjust
    build.parameters.memory *= 2
    build.resuming = true
    let first = Mutex<UInt64?>(nil)
    build.progress = {
      if case .encoded(let count, _, _) = $0 { first.withLock { $0 = $0 ?? count } }
    }
    _ = try build.run()
    #expect(first.withLock { $0 ?? 0 } > 64, "not from the beginning")
    let same = try folder.read("a.pqx") == folder.read("whole.pqx")
    #expect(same)
  }

  @Test func budgetThatIsTooSmall() throws {
    let folder = try TemporaryFolder()
    var build = try Self.build(.ivfpq, in: folder, name: "a.pqx")
    build.parameters.memory = 1 << 20
    do throws(BuildError) {
      _ = try build.run()
      Issue.record("a mebibyte is enough")
    } catch {
      #expect(error.kind == .usage)
      let least = try #require(error.description.split(separator: " ").last.flatMap { UInt64($0) })
      build.parameters.memory = least - 1
      #expect(throws: BuildError.self) { try build.run() }
      build.parameters.memory = least
    }
    _ = try build.run()
  }
}
