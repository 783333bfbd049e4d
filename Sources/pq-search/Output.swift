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

/// Ids and distances as files, a row a query; −1, and what is farther than all, where a query has fewer than k results.
///
/// Made before the search, so that what cannot be written is refused at once. The files take their names in
/// ``finish(_:)``, when all results are in them.
struct ResultFiles: ~Copyable {
  private var ids: IDWriter?
  private var distances: VectorWriter?
  private let idPath: String
  private let k: Int
  private let farthest: Float

  /// - Parameters:
  ///   - ids: ends in `.ivecs` or `.npy`; nil for no such file.
  ///   - distances: ends in `.fvecs`; nil for no such file.
  ///   - queries: the number of rows.
  ///   - replacing: whether files that exist are replaced.
  init(
    ids idPath: String?, distances distancePath: String?, k: Int, queries: Int, metric: Metric, replacing: Bool
  ) throws {
    let widths = 1...IndexParameters.maximumDimension
    guard widths.contains(k) || (idPath == nil && distancePath == nil) else {
      throw ToolFailure(
        .usage, "-k \(k): result files hold 1 to \(widths.upperBound) neighbours a query; print the results instead")
    }
    if let distancePath, !distancePath.lowercased().hasSuffix(".fvecs") {
      throw ToolFailure(.usage, "--distances \(distancePath): name a .fvecs file")
    }
    let ids = try idPath.map { try IDWriter(path: $0, width: k, rowCount: queries, replacing: replacing) }
    let distances = try distancePath.map {
      try VectorWriter(path: $0, format: .fvecs, dimension: k, replacing: replacing)
    }
    self.idPath = idPath ?? ""
    self.k = k
    farthest = metric == .l2 ? .infinity : -.infinity
    self.ids = ids
    self.distances = distances
  }

  /// Writes a row for each query, and gives the files their names.
  consuming func finish(_ results: SearchResults) throws {
    for query in 0..<results.count {
      let neighbors = results[query]
      let missing = k - neighbors.count
      if ids != nil {
        let row = try neighbors.map { try fileID($0.id, query) } + repeatElement(-1, count: missing)
        try ids?.append(row: row.span)
      }
      if distances != nil {
        let row = neighbors.map(\.distance) + repeatElement(farthest, count: missing)
        try distances?.append(rows: row.span)
      }
    }
    try ids.take()?.finish()
    try distances.take()?.finish()
  }

  private func fileID(_ id: UInt64, _ query: Int) throws(ToolFailure) -> Int64 {
    if let id = Int64(exactly: id) { return id }
    throw ToolFailure(
      .badData, "\(idPath): id \(id) of query \(query) is above 2^63 - 1; print the results instead of -o")
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
