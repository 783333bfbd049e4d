import Formats
import Foundation
import PQDamage
import PQFormat
import PQSearch
import PQStorage
import PQTestSupport
import Testing

/// The three ways to an index's bytes give the same results, and fail as they promise.
@Suite struct AccessTests {
  @Test(arguments: GoldenFiles.valid + GoldenFiles.olderValid) func sameResults(_ name: String) throws {
    let golden = try GoldenFile(name)
    func results(_ access: Index.Access) throws -> SearchResults {
      let index = try Index(path: GoldenFiles.folder + "/" + name, access: access)
      return try index.search(golden.queries, SearchOptions(k: 50, nprobe: 100), threads: 2)
    }
    let expected = try results(.mapped)
    for access in [Index.Access.guarded, .read] {
      let found = try results(access)
      #expect(found.neighbors == expected.neighbors && found.statistics == expected.statistics, "\(access)")
      let problems = try Index(path: GoldenFiles.folder + "/" + name, access: access).verify(deep: true)
      #expect(problems == [])
    }
  }

  @Test(arguments: Index.Access.allCases) func damageIsTheSameError(_ access: Index.Access) throws {
    for (name, error) in GoldenFiles.damaged {
      let path = GoldenFiles.folder + "/" + name
      do throws(IndexError) {
        let problems = try Index(path: path, access: access).verify()
        #expect(problems.first?.code.rawValue == error, "\(name)")
      } catch {
        guard case .format(_, let found) = error else {
          Issue.record("\(name): \(error)")
          continue
        }
        #expect(found.code.rawValue == GoldenFiles.damaged.first { $0.name == name }?.error, "\(name)")
      }
    }
  }

  /// `read` maps nothing of the file: nothing of it is in the process's list of mappings.
  @Test func readMapsNothing() throws {
    let golden = try GoldenFile("ivfpq-lz4.pqx")
    let probe = try Probe(golden.bytes)
    func isMapped() throws -> Bool {
      // A file of /proc has no length: each read(2) gives what the kernel has ready, until one gives nothing.
      let handle = try #require(FileHandle(forReadingAtPath: "/proc/self/maps"))
      var maps = Data()
      while let part = try handle.read(upToCount: 1 << 16), !part.isEmpty { maps += part }
      return String(decoding: maps, as: UTF8.self).contains(probe.path)
    }
    let index = try Index(path: probe.path, access: .read)
    _ = try index.search(golden.queries, SearchOptions(k: 400, nprobe: 3))
    #expect(try !isMapped())
    let mapped = try Index(path: probe.path, access: .guarded)
    #expect(try isMapped())
    _ = mapped.parameters
  }

  /// A file that is cut before its pages were read is an error that names it, and stays one.
  @Test(arguments: [Index.Access.guarded, .read]) func cutBeforeUse(_ access: Index.Access) throws {
    let golden = try GoldenFile("ivfpq-lz4.pqx")
    var probe = try Probe(golden.bytes)
    let index = try Index(path: probe.path, access: access)
    probe.resize(4096)
    for _ in 0..<2 {
      let error = try #require(throws: IndexError.self) { try index.search(golden.queries) }
      guard case .file(let failure) = error else {
        Issue.record("\(error)")
        return
      }
      #expect(failure.kind == .inputOutput && failure.path == probe.path)
    }
    #expect(index.verify().map(\.code) == [.unreadable])
    #expect(throws: IndexError.self) { try index.sections() }
  }

  /// In-place changes that a search would otherwise trust, because it has checked the frames before.
  @Test func guardedNoticesAChange() throws {
    let golden = try GoldenFile("ivfpq-lz4.pqx")
    let probe = try Probe(golden.bytes)
    let index = try Index(path: probe.path, access: .guarded)
    _ = try index.search(golden.queries)
    // File systems stamp times by a clock of a few milliseconds.
    usleep(20_000)
    probe.write([golden.bytes[5000] ^ 1], at: 5000)
    #expect(throws: IndexError.self) { try index.search(golden.queries) }
  }

  @Test func manyGuardedFilesOpenAndClose() throws {
    let path = GoldenFiles.folder + "/ivfpq-4.pqx"
    for _ in 0..<5000 { _ = try Index(path: path, access: .guarded) }
    let open = try (0..<100).map { _ in try Index(path: path, access: .guarded) }
    #expect(open.count == 100)
  }

  /// `trust truncations` is the long form.
  @Test func cutWhileSearched() throws {
    for access in ["guarded", "read"] {
      let run = try runTool("trust", ["truncations", "--access", access, "--trials", "30"])
      #expect(run.exitCode == 0, "\(run.text) \(run.errors)")
    }
  }

  /// Without the guard the process dies, and the handler of before gets what is not the guard's.
  @Test(.disabled(if: isSanitized)) func guardMakesTheDifference() throws {
    // Both die, and leave what they have in their folder.
    let folder = try TemporaryFolder()
    let environment = ["TMPDIR": folder.path]
    let run = try runTool("trust", ["truncations", "--access", "mapped", "--trials", "20"], environment: environment)
    #expect(run.exitCode == SIGBUS, "\(run.text) \(run.errors)")
    let elsewhere = try runTool("trust", ["truncations", "--elsewhere"], environment: environment)
    #expect(elsewhere.exitCode == 42, "\(elsewhere.text) \(elsewhere.errors)")
  }
}
