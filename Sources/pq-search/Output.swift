import PQFormat
import PQSearch
import PQStorage
import ToolSupport

/// One line a query on standard output: `id:distance id:distance …`.
enum ResultLines {
  static func printAll(_ results: SearchResults) {
    for query in 0..<results.count {
      print(results[query].map { "\($0.id):\($0.distance)" }.joined(separator: " "))
    }
  }
}

/// Ids and distances as files, a row a query; −1 and infinity where a query has fewer than k results.
struct ResultFiles {
  let ids: String?
  let distances: String?
  let k: Int
  let replacing: Bool

  func write(_ results: SearchResults) throws {
    if let ids {
      var writer = try IDWriter(path: ids, width: k, rowCount: results.count, replacing: replacing)
      for query in 0..<results.count {
        var row: [Int64] = []
        for neighbor in results[query] {
          guard let id = Int64(exactly: neighbor.id) else {
            throw ToolFailure(
              .badData, "\(ids): id \(neighbor.id) of query \(query) is above 2^63 - 1; print the results instead of -o"
            )
          }
          row.append(id)
        }
        row += repeatElement(-1, count: k - row.count)
        try writer.append(row: row.span)
      }
      try writer.finish()
    }
    if let distances {
      guard distances.lowercased().hasSuffix(".fvecs") else {
        throw ToolFailure(.usage, "--distances \(distances): name a .fvecs file")
      }
      var writer = try VectorWriter(path: distances, format: .fvecs, dimension: k, replacing: replacing)
      for query in 0..<results.count {
        var row = results[query].map(\.distance)
        row += repeatElement(.infinity, count: k - row.count)
        try writer.append(rows: row.span)
      }
      try writer.finish()
    }
  }
}

/// The table of `--groundtruth`.
enum PointTable {
  static func format(_ points: [Measurement], _ p: IndexParameters, k: Int) -> String {
    formatTable(
      header: [
        "nprobe", "rerank", "recall@1", "recall@\(k)", "QPS", "p50 µs", "p95 µs", "p99 µs", "codes/query", "B/query",
      ],
      rows: points.map { point in
        let queries = Double(max(1, point.results.count))
        return [
          "\(point.nprobe(p))", "\(point.options.rerank)",
          point.recallAt1.map { formatNumber($0, digits: 4) } ?? "-",
          point.recallAtK.map { formatNumber($0, digits: 4) } ?? "-",
          formatNumber(point.queriesPerSecond, digits: 0), formatNumber(point.latency.p50, digits: 1),
          formatNumber(point.latency.p95, digits: 1), formatNumber(point.latency.p99, digits: 1),
          formatNumber(Double(point.results.statistics.codesScanned) / queries, digits: 0),
          formatNumber(Double(point.results.statistics.bytesRead) / queries, digits: 0),
        ]
      })
  }
}

/// What `--json` prints.
struct ReportJSON: Encodable {
  /// Opening the file, in microseconds.
  let openUs: Double
  let points: [PointJSON]
}

/// One entry of `--json`'s `points`.
struct PointJSON: Encodable {
  struct Latency: Encodable {
    let p50, p95, p99: Double
  }

  /// The contract's names; a digit does not begin a word for the encoder's own rule.
  enum CodingKeys: String, CodingKey {
    case nprobe, reach, rerank, k, queries, qps
    case maxCodes = "max_codes"
    case recallAt1 = "recall_at_1"
    case recallAtK = "recall_at_k"
    case latency = "latency_us"
    case listsVisited = "lists_visited"
    case codesScanned = "codes_scanned"
    case bytesRead = "bytes_read"
    case pagesRead = "pages_read"
  }

  let nprobe: Int
  /// Left out where there is no such bound, as the next.
  let maxCodes: Int?
  let reach: Float?
  let rerank: Int
  let k: Int
  let queries: Int
  let recallAt1: Double?
  let recallAtK: Double?
  let qps: Double
  let latency: Latency
  let listsVisited: Int
  let codesScanned: Int
  let bytesRead: Int
  let pagesRead: Int

  init(_ point: Measurement, _ p: IndexParameters) {
    nprobe = point.nprobe(p)
    maxCodes = point.options.maxCodes
    reach = point.options.reach.flatMap { $0 < .infinity ? $0 : nil }
    rerank = point.options.rerank
    k = point.options.k
    queries = point.results.count
    recallAt1 = point.recallAt1
    recallAtK = point.recallAtK
    qps = point.queriesPerSecond
    latency = Latency(p50: point.latency.p50, p95: point.latency.p95, p99: point.latency.p99)
    listsVisited = point.results.statistics.lists
    codesScanned = point.results.statistics.codesScanned
    bytesRead = point.results.statistics.bytesRead
    pagesRead = point.results.statistics.pagesRead
  }
}

extension Measurement {
  /// Lists visited: 0 for an index without lists.
  func nprobe(_ p: IndexParameters) -> Int { options.effectiveNprobe(p) }
}
