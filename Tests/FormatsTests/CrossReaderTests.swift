import Formats
import Foundation
import PQBuild
import PQFormat
import PQSearch
import PQStorage
import PQTestSupport
import Testing

/// Formats/reader.py, which shares no code with the library, gives the same results and the same errors.
@Suite struct CrossReaderTests {
  /// Python is on the search path.
  static let hasPython = (try? runInstalled("python3", ["-c", ""]).exitCode) == 0

  /// What one call of the reader gave.
  struct Run: Decodable {
    var status: Int
    var output: String
    var errors: String
  }

  /// Calls the reader with several lists of arguments in one process: most of the time is Python's start. -B: no compiled
  /// copy of the reader is left beside it.
  static func reader(_ calls: [[String]]) throws -> [Run] {
    let script = """
      import contextlib, io, json, sys
      sys.path.insert(0, sys.argv[1])
      import reader
      runs = []
      for arguments in json.loads(sys.argv[2]):
          sys.argv[1:] = arguments
          with contextlib.redirect_stdout(io.StringIO()) as output, contextlib.redirect_stderr(io.StringIO()) as errors:
              status = reader.main()
          runs.append({"status": status, "output": output.getvalue(), "errors": errors.getvalue()})
      json.dump(runs, sys.stdout)
      """
    let calls = String(decoding: try JSONEncoder().encode(calls), as: UTF8.self)
    let run = try runInstalled("python3", ["-B", "-c", script, formats, calls])
    try #require(run.exitCode == 0, "\(run.errors)")
    return try JSONDecoder().decode([Run].self, from: Data(run.output))
  }

  /// The folder of the format document and the second reader.
  static let formats = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Formats").path

  static func floats(_ path: String) throws -> [Float] {
    var reader = try VectorReader(path: path)
    var queries: [Float] = []
    _ = try reader.read(maxRows: 100, into: &queries)
    return queries
  }

  /// A pair of reader.py's search results: `[id, "bits of the distance"]`.
  struct Pair: Decodable, Equatable, CustomStringConvertible {
    var id: UInt64
    var bits: String
    var description: String { "\(id): \(bits)" }

    init(from decoder: any Decoder) throws {
      var values = try decoder.unkeyedContainer()
      id = try values.decode(UInt64.self)
      bits = try values.decode(String.self)
    }

    init(_ neighbor: Neighbor) {
      id = neighbor.id
      bits = String(hex(neighbor.distance.bitPattern).dropFirst(2))
    }
  }

  /// The searches that a file of such parameters allows.
  static func searches(_ index: IndexParameters) -> [SearchOptions] {
    var searches = [SearchOptions(k: 10, nprobe: 1), SearchOptions(k: 10, nprobe: max(2, index.nlist))]
    if index.m > 0, index.vectors != .none {
      searches.append(SearchOptions(k: 10, nprobe: 2, rerank: 3))
      searches.append(SearchOptions(k: 10, nprobe: max(1, index.nlist), rerank: 40))
    }
    if index.nlist > 9 {
      for nprobe in [1, 3, 9] {
        searches.append(SearchOptions(k: 100, nprobe: nprobe))
        searches.append(SearchOptions(k: 100, nprobe: nprobe))
        searches[searches.count - 1].usesGroups = false
      }
    }
    return searches
  }

  @Test(.enabled(if: hasPython, "python3 is not installed"), arguments: GoldenFiles.valid + GoldenFiles.olderValid)
  func sameResults(_ name: String) throws {
    let path = GoldenFiles.folder + "/" + name
    let index = try Index(path: path)
    let queriesPath = GoldenFiles.queries(dimension: index.parameters.dimension)
    let queries = try Self.floats(queriesPath)
    // Of older versions one is enough: that others give what the present files give is tested without Python.
    let isOlder = !GoldenFiles.valid.contains(name)
    let searches = Self.searches(index.parameters).filter { !isOlder || $0.usesGroups }.suffix(isOlder ? 1 : .max)
    let runs = try Self.reader(
      [[path, "verify"]]
        + searches.map { options in
          [
            path, "search", queriesPath, "-k", "\(options.k)", "--nprobe", "\(options.nprobe ?? 1)", "--rerank",
            "\(options.rerank)",
          ] + (options.usesGroups ? [] : ["--no-groups"])
        })
    try #require(runs.allSatisfy { $0.status == 0 }, "\(runs.map(\.errors))")
    for (options, run) in zip(searches, runs.dropFirst()) {
      let results = try index.search(queries, options)
      let ours = (0..<results.count).map { results[$0].map(Pair.init) }
      let theirs = try JSONDecoder().decode([[Pair]].self, from: Data(run.output.utf8))
      #expect(ours == theirs, "\(name), nprobe \(options.nprobe ?? 1), rerank \(options.rerank)")
      #expect(ours.count == 5)
      if index.parameters.nlist == 0 { #expect(ours.allSatisfy { $0.count == 10 }) }
    }
  }

  /// Groups tell readers apart: a choice through them misses some of the nearest lists.
  @Test func groupsMatter() throws {
    let index = try Index(path: GoldenFiles.folder + "/ivfflat-groups-ip.pqx")
    let queries = try Self.floats(GoldenFiles.queries(dimension: index.parameters.dimension))
    var options = SearchOptions(k: 100, nprobe: 3)
    let through = try index.search(queries, options).neighbors
    options.usesGroups = false
    #expect(try index.search(queries, options).neighbors != through)
  }

  /// The largest component of three equal ones whose squared norm is not above the largest f32, and the next one,
  /// whose norm is above it in f64 but rounds to it in f32.
  @Test(.enabled(if: hasPython, "python3 is not installed"))
  func sameLimitOfQueries() throws {
    let largest = Float((Double(Float.greatestFiniteMagnitude) / 3).squareRoot()).nextDown
    let folder = try TemporaryFolder()
    let index = try Index(path: GoldenFiles.folder + "/flat-u8.pqx")
    for (value, good) in [(largest, true), (largest.nextUp, false), (.infinity, false), (.nan, false)] {
      let query = [Float](repeating: value, count: 3)
      let path = try folder.write(VectorBytes.fvecs([query]), to: "query.fvecs")
      #expect(try Self.reader([[index.path, "search", path]])[0].status == (good ? 0 : 65), "\(value)")
      #expect(((try? index.search(query)) != nil) == good, "\(value)")
    }
  }

  @Test(
    .enabled(if: hasPython, "python3 is not installed"),
    arguments: (GoldenFiles.damaged + GoldenFiles.olderDamaged).map(\.name))
  func sameErrors(_ name: String) throws {
    let path = GoldenFiles.folder + "/" + name
    let expected = try #require((GoldenFiles.damaged + GoldenFiles.olderDamaged).first { $0.name == name }).error
    let error = try #require(throws: IndexError.self) {
      let index = try Index(path: path)
      let queries = try Self.floats(GoldenFiles.queries(dimension: index.parameters.dimension))
      _ = try index.search(queries, Self.searches(index.parameters).last ?? SearchOptions())
    }
    guard case .format(_, let found) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(found.code.rawValue == expected)
    let queries = GoldenFiles.queries(dimension: name.contains("frame") || name.contains("page") ? 6 : 3)
    for (run, status) in zip(
      try Self.reader([[path, "verify"], [path, "search", queries, "--nprobe", "5"]]), [1, 65])
    {
      #expect(run.status == status)
      #expect(run.errors.hasPrefix("reader.py: \(expected): "), "\(run.errors)")
    }
  }
}
