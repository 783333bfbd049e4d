import Foundation
import PQFormat
import PQKernels
import PQSearch
import PQTestSupport
import Testing

/// What a query may ask, and many readers of one index.
@Suite struct QueryTests {
  private func small(_ folder: borrowing TemporaryFolder, rows: Int = 60) throws -> Index {
    var f = Fixture(dimension: 4, nlist: 3, m: 2, nbits: 4)
    f.rows = f.values(rows, 4, seed: 20)
    return try f.make(in: folder).index
  }

  @Test func refused() throws {
    let folder = try TemporaryFolder()
    for rows in [60, 0] {
      let inner = try TemporaryFolder()
      let index = try small(inner, rows: rows)
      let q: [Float] = [0, 0, 0, 0]
      let cases: [(FailureKind, [Float], SearchOptions)] = [
        (.usage, q, SearchOptions(k: 0)), (.usage, q, SearchOptions(k: -1)), (.usage, q, SearchOptions(k: .min)),
        (.usage, q, SearchOptions(nprobe: 0)), (.usage, q, SearchOptions(nprobe: -4)),
        (.usage, q, SearchOptions(rerank: -1)),
        (.badData, [0, 0, 0], SearchOptions()), (.badData, [0, 0, 0, 0, 0], SearchOptions()),
        (.badData, [0, .nan, 0, 0], SearchOptions()), (.badData, [0, 0, 0, -.infinity], SearchOptions()),
        (.badData, [3e38, 3e38, 0, 0], SearchOptions()),
      ]
      for (kind, query, options) in cases {
        let error = #expect(throws: IndexError.self, "\(query) \(options)") { try index.search(query, options) }
        #expect(error?.kind == kind, "\(query) \(options)")
      }
      #expect(throws: IndexError.self) { try index.search(q, threads: 0) }
    }
    var f = Fixture(dimension: 4, m: 2, nbits: 4, vectors: .none)
    f.rows = f.values(5, 4, seed: 1)
    let codesOnly = try f.make(in: folder).index
    let error = #expect(throws: IndexError.self) { try codesOnly.search([0, 0, 0, 0], SearchOptions(rerank: 5)) }
    #expect(error?.kind == .usage)
  }

  @Test func clamped() throws {
    let folder = try TemporaryFolder()
    let index = try small(folder)
    let q: [Float] = [0.5, 0, 0, 0]
    for k in [60, 61, 1_000_000, .max] {
      #expect(try index.search(q, SearchOptions(k: k, nprobe: 3)).neighbors.count == 60)
      #expect(try index.search(q, SearchOptions(k: 7, nprobe: 3, rerank: k)).neighbors.count == 7)
    }
    let all = try index.search(q, SearchOptions(k: 60, nprobe: 3)).neighbors
    for nprobe in [4, 1000, Int.max] {
      #expect(try index.search(q, SearchOptions(k: 60, nprobe: nprobe)).neighbors == all)
    }
    #expect(try index.search([], SearchOptions()).count == 0)
  }

  @Test func emptyIndex() throws {
    for (nlist, m) in [(0, 0), (3, 0), (0, 2), (3, 2)] {
      let folder = try TemporaryFolder()
      let index = try Fixture(dimension: 4, nlist: nlist, m: m).make(in: folder).index
      let found = try index.search([1, 2, 3, 4, 5, 6, 7, 8], SearchOptions(rerank: m > 0 ? 5 : 0))
      #expect(found.count == 2 && found.neighbors.isEmpty && index.parameters.count == 0)
    }
  }

  /// 700 rows of 32 bytes are a frame of four pages and one of less than two; their codes of four bytes, in eleven tiles,
  /// are one page.
  @Test(arguments: [0, 4]) func bytesAndPages(m: Int) throws {
    let folder = try TemporaryFolder()
    var f = Fixture(dimension: 8, m: m, nbits: 8)
    f.rows = f.values(700, 8, seed: 32)
    let index = try f.make(in: folder).index
    let found = try index.search(f.rows[0] + f.rows[1], SearchOptions(k: 1, rerank: m > 0 ? 700 : 0))
    #expect(found.statistics.bytesRead == 2 * (700 * 32 + 11 * 64 * m))
    #expect(found.statistics.pagesRead == 2 * (6 + (m > 0 ? 1 : 0)))
  }

  /// The first uses, which check sections and frames, come from all threads at once.
  @Test func threadsAgree() throws {
    let folder = try TemporaryFolder()
    var f = Fixture(dimension: 8, nlist: 9, m: 4, nbits: 6)
    f.rows = f.values(500, 8, seed: 30)
    let queries = f.values(64, 8, seed: 31).flatMap { $0 }
    let options = SearchOptions(k: 10, nprobe: 4, rerank: 20)
    let path = try f.make(in: folder).index.path
    let expected = try Index(path: path).search(queries, options)
    for threads in [1, 2, 8] {
      let found = try Index(path: path).search(queries, options, threads: threads)
      #expect(found.neighbors == expected.neighbors && found.statistics == expected.statistics, "\(threads)")
    }
    let shared = try Index(path: path)
    let runs = Threads.map(count: 8, threads: 8) { _ in (try? shared.search(queries, options))?.neighbors }
    #expect(runs.allSatisfy { $0 == expected.neighbors })
    var searcher = Searcher(shared)
    var one: [Neighbor] = []
    for q in 0..<64 { try searcher.search(queries.span.extracting(q * 8..<(q + 1) * 8), options, into: &one) }
    #expect(one == expected.neighbors)
  }

  /// Errors say which query it is, of a batch that several threads share too; no number of components is cut short.
  @Test func wrongQueries() throws {
    let folder = try TemporaryFolder()
    var f = Fixture(dimension: 8, nlist: 3, m: 4, nbits: 4)
    f.rows = f.values(50, 8, seed: 33)
    let index = try f.make(in: folder).index
    var queries = f.values(40, 8, seed: 34).flatMap { $0 }
    queries[8 * 37 + 5] = .nan
    for threads in [1, 2] {
      let error = #expect(throws: IndexError.self) { try index.search(queries, threads: threads) }
      #expect(error?.description == "query 37: component 5 is nan")
    }
    for count in [1, 7, 9, 319] {
      var searcher = Searcher(index)
      var (results, lists, one) = (SearchResults(), [UInt32](), [Neighbor]())
      let some = queries.span.extracting(0..<count)
      do { try searcher.search(some, SearchOptions(), into: &results); Issue.record("\(count)") } catch {}
      do { try searcher.search(some, SearchOptions(), into: &one); Issue.record("\(count)") } catch {}
      do { try searcher.chooseLists(some, SearchOptions(), into: &lists); Issue.record("\(count)") } catch {}
      #expect(throws: IndexError.self) { try index.search(Array(queries[..<count])) }
      #expect(results.count == 0 && lists.isEmpty && one.isEmpty)
    }
    for threads in [-1, 0, 1025, 1 << 60, .max] {
      let error = #expect(throws: IndexError.self) { try index.search(queries, threads: threads) }
      #expect(error?.kind == .usage, "\(threads)")
    }
  }

  @Test func processesShareOneFile() throws {
    let folder = try TemporaryFolder()
    var f = Fixture(dimension: 8, nlist: 9, m: 4, nbits: 6)
    f.rows = f.values(300, 8, seed: 30)
    let path = try f.make(in: folder).index.path
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o444)
    let queries = try folder.write(VectorBytes.fvecs(f.values(20, 8, seed: 31)), to: "q.fvecs")
    let before = try folder.names()
    let runs = Threads.map(count: 4, threads: 4) { _ in
      Result { try runTool("pq-search", [path, queries, "-k", "5", "--nprobe", "4"]) }
    }
    let outputs = try runs.map { try $0.get() }
    #expect(outputs.allSatisfy { $0.exitCode == 0 && $0.errors.isEmpty }, "\(outputs.map(\.errors))")
    #expect(Set(outputs.map(\.output)).count == 1 && outputs[0].text.split(separator: "\n").count == 20)
    #expect(try folder.names() == before)
  }
}
