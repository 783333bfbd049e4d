import Foundation
import PQTestSupport
import Testing

/// The built demo on the sample.
@Suite struct PQDemoTests {
  private struct Report: Decodable {
    struct Row: Decodable {
      let index: String
      let recall, ms_per_query, saved_percent, speedup: Double
      let file_bytes: Int
    }
    struct Memory: Decodable {
      let rss_bytes, pss_bytes, index_rss_bytes, index_pss_bytes: Int
    }

    let vectors, dimension, queries, k: Int
    let indexes: [Row]
    let processes: [Memory]
  }

  @Test func comparesAndShares() throws {
    let folder = try TemporaryFolder()
    let kept = folder.path("kept")
    let run = try runTool("pq-demo", ["--json", "--keep", kept], timeout: 300)
    try #require(run.exitCode == 0, "\(run.errors)")
    let report = try JSONDecoder().decode(Report.self, from: Data(run.output))
    #expect(report.vectors == 20_000 && report.dimension == 128 && report.queries == 500 && report.k == 100)
    #expect(report.indexes.map(\.index) == ["Flat L2", "PQ", "IVF-PQ"])
    let recalls = report.indexes.map(\.recall)
    #expect(recalls[0] == 1)
    #expect((0.4..<0.8).contains(recalls[1]) && (0.4..<0.8).contains(recalls[2]), "\(recalls)")
    #expect(report.indexes[1].saved_percent > 95 && report.indexes[2].saved_percent > 90)
    #expect(report.indexes.allSatisfy { $0.ms_per_query > 0 && $0.speedup > 0 })

    // Four saw the file, and what they saw were the same pages.
    #expect(report.processes.count == 4)
    let fileBytes = report.indexes[2].file_bytes
    for memory in report.processes {
      #expect(memory.index_rss_bytes > fileBytes / 2 && memory.index_rss_bytes <= fileBytes)
      #expect(memory.index_pss_bytes < memory.index_rss_bytes / 2)
      #expect(memory.pss_bytes < memory.rss_bytes)
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: kept).sorted()
    #expect(names == ["flat.pqx", "ivfpq.pqx", "pq.pqx"])

    let again = try runTool("pq-demo", ["--keep", kept], timeout: 300)
    #expect(again.exitCode == 73 && again.output.isEmpty, "\(again.errors)")
  }

  /// Nothing stays behind in the folder for temporary files.
  @Test func removesItsFiles() throws {
    let folder = try TemporaryFolder()
    let (base, query) = ([[0, 1], [2, 3], [4, 5]] as [[UInt8]], [[2, 2]] as [[UInt8]])
    try FileManager.default.createDirectory(atPath: folder.path("tmp"), withIntermediateDirectories: false)
    try FileManager.default.createDirectory(atPath: folder.path("data"), withIntermediateDirectories: false)
    for (name, rows) in [("base", base), ("learn", base), ("query", query)] {
      try folder.write(VectorBytes.bvecs(rows), to: "data/\(name).bvecs")
    }
    try folder.write(VectorBytes.ivecs([[1]]), to: "data/groundtruth.ivecs")
    // Too few vectors for 256 centroids: the flat index is built, the next one refused.
    let run = try runTool(
      "pq-demo", ["--data", folder.path("data")], environment: ["TMPDIR": folder.path("tmp")], timeout: 60)
    #expect(run.exitCode == 64 && run.output.isEmpty, "\(run.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("tmp")) == [])
  }

  @Test func exitCodes() throws {
    let folder = try TemporaryFolder()
    let cases: [(Int32, [String], String)] = [
      (0, ["--help"], ""), (0, ["--version"], ""), (64, ["--nonsense"], "nonsense"),
      (66, ["--data", folder.path("none")], "no such folder"), (66, ["--data", folder.path], "base.bvecs"),
      (73, ["--keep", "/dev/null/indexes"], "cannot be made"),
    ]
    for (code, arguments, message) in cases {
      let run = try runTool("pq-demo", arguments)
      #expect(run.exitCode == code && (message.isEmpty || run.errors.contains(message)), "\(arguments): \(run.errors)")
    }
  }
}
