import ArgumentParser
import PQFormat
import PQKernels
import PQSearch
import PQStorage
import ToolSupport

@main
struct Search: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pq-search",
    abstract: "Searches a .pqx index.",
    discussion: """
      Prints one line a query, id:distance best first; with --groundtruth a table instead, one row for each \
      combination of --nprobe and --rerank. Distances are squared L2 (smaller is nearer), or similarities.

      recall@k is the share of the true k nearest among the k results, recall@1 how often the first result is the \
      true first. p50, p95 and p99 are of calls: of single queries with --batch 1, else of whole batches.

      Examples:
        pq-search base.pqx query.fvecs -k 10
        pq-search base.pqx query.fvecs -k 10 --nprobe 1,4,16,64 --groundtruth groundtruth.ivecs
        pq-search base.pqx query.fvecs -k 100 --nprobe 32 --rerank 1000 -o ids.npy
        pq-search base.pqx query.fvecs --nprobe 64 --max-codes 20000 --reach 1.4 --groundtruth groundtruth.ivecs
        pq-search base.pqx query.fvecs --groundtruth groundtruth.ivecs --recall-floor 0.55
      """,
    version: toolVersion)

  @Argument(help: "The index file.")
  var index: String

  @Argument(help: "The queries, a vector file; - is standard input.")
  var queries: String

  @Option(name: .customShort("k"), help: "Results per query.")
  var k = 10

  @Option(help: "Lists to visit: N, or N,N,… with --groundtruth or --json. (default: max(1, nlist/64))")
  var nprobe: NumberList?

  @Option(help: "Visit no further list once those visited hold N vectors: bounds a query's time.")
  var maxCodes: Int?

  @Option(help: "Visit no list whose centroid is more than X times as far as the nearest one; l2 only.")
  var reach: Float?

  @Option(help: "Candidates to compare exactly with the stored vectors: N, or N,N,… with --groundtruth or --json.")
  var rerank = NumberList([0])

  @Option(help: "The true neighbours, .ivecs or .npy; at least k a query.")
  var groundtruth: String?

  @Option(help: "Threads that share a batch. (default: one for each usable processor)")
  var threads: Int?

  @Option(help: "Queries in one call: N, or 1 for one query at a time. (default: all)")
  var batch: Int?

  @Option(
    name: .customLong("repeat"),
    help: "Time N passes over the queries, after an untimed one if N > 1; QPS is the median pass's.")
  var repeats = 1

  @Flag(help: "No untimed query before the first timed one: what the first use of the index reads and checks counts.")
  var cold = false

  @Option(help: "Use the first N queries only.")
  var limit: Int?

  @Option(help: "The format of QUERIES, if its name does not tell.")
  var format: VectorFileFormat?

  @Option(
    name: .shortAndLong,
    help: """
      Write the ids to this .ivecs or .npy file instead of printing them; - is standard output, ivecs. They are -1 where a \
      query has fewer than k results.
      """)
  var output: String?

  @Option(
    help: """
      Write the distances to this .fvecs file, and print nothing. Where a query has fewer than k results they are infinite, \
      similarities -infinite.
      """)
  var distances: String?

  @Option(help: "Exit with 1 if recall at k of the last point is below this; needs --groundtruth.")
  var recallFloor: Double?

  @Flag(help: "Compute every code's distance instead of those that an integer scan picks: the same results, slowly.")
  var noFilter = false

  @Flag(help: "Choose among all lists, and not through groups of lists where the index has them: slowly, but exactly.")
  var noGroups = false

  @Flag(help: "Replace the output files if they exist.")
  var force = false

  @Flag(help: "Print the figures of each point as JSON.")
  var json = false

  func run() throws {
    try reportingFailures {
      let clock = ContinuousClock()
      let begun = clock.now
      try checkFlags()
      try refuse(outputs: [output, distances], among: [self.index, self.queries, groundtruth])
      let index = try Index(path: index)
      let opening = clock.now - begun
      let queries = try QuerySet(path: queries, format: format, limit: limit, dimension: index.parameters.dimension)
      let truth = try groundtruth.map { try GroundTruth(path: $0, queries: queries.count, k: k) }
      let files = try ResultFiles(
        ids: output, distances: distances, k: k, queries: queries.count, metric: index.parameters.metric,
        replacing: force)
      let points = operatingPoints(index.parameters)
      var measured: [Measurement] = []
      for options in points {
        measured.append(
          try Measurement(
            index, queries, options, threads: threads ?? usableProcessors, batch: batch ?? queries.count,
            repeats: repeats, cold: cold, truth: truth))
      }
      if let last = measured.last { try files.finish(last.results) }
      // Mapped to the end, so that /proc shows what a waiting process shares with others.
      try withExtendedLifetime(index) { try report(measured, index.parameters, opening) }
    }
  }

  private func checkFlags() throws(ToolFailure) {
    if let threads, !Threads.range.contains(threads) {
      throw ToolFailure(.usage, "--threads \(threads): use \(Threads.range.lowerBound) to \(Threads.range.upperBound)")
    }
    if let batch, batch <= 0 { throw ToolFailure(.usage, "--batch \(batch): use at least 1") }
    guard repeats > 0 else { throw ToolFailure(.usage, "--repeat \(repeats): use at least 1") }
    guard !cold || repeats == 1 else { throw ToolFailure(.usage, "--cold times the first use; leave out --repeat") }
    if let recallFloor, !(0...1).contains(recallFloor) {
      throw ToolFailure(.usage, "--recall-floor \(recallFloor): use 0 to 1")
    }
    guard output != "-" || (!json && groundtruth == nil) else {
      throw ToolFailure(
        .usage, "-o - writes the ids to standard output, which --json and --groundtruth print to; name a file")
    }
    guard queries != "-" || groundtruth != "-" else {
      throw ToolFailure(.usage, "standard input holds the queries or the true neighbours; name a file for the others")
    }
    guard recallFloor == nil || groundtruth != nil else {
      throw ToolFailure(.usage, "--recall-floor needs --groundtruth to measure recall by")
    }
    let several = (nprobe?.values.count ?? 1) * rerank.values.count > 1
    guard !several || groundtruth != nil || json else {
      throw ToolFailure(
        .usage, "several --nprobe or --rerank values need --groundtruth or --json, which print a row each")
    }
    guard !several || (output == nil && distances == nil) else {
      throw ToolFailure(.usage, "-o and --distances hold the results of one point; give one --nprobe and one --rerank")
    }
  }

  private func operatingPoints(_ p: IndexParameters) -> [SearchOptions] {
    var points: [SearchOptions] = []
    for nprobe in nprobe?.values.map(Optional.some) ?? [nil] {
      for rerank in rerank.values {
        var options = SearchOptions(k: k, nprobe: nprobe, rerank: rerank)
        options.maxCodes = maxCodes
        options.reach = reach
        options.filtersCodes = !noFilter
        options.usesGroups = !noGroups
        points.append(options)
      }
    }
    return points
  }

  private func report(_ measured: [Measurement], _ p: IndexParameters, _ opening: Duration) throws {
    guard let last = measured.last else { return }
    if json {
      try printJSON(ReportJSON(openUs: opening / .microseconds(1), points: measured.map { PointJSON($0, p) }))
    } else if groundtruth != nil {
      print(PointTable.format(measured, p, k: k))
    } else if output == nil, distances == nil {
      ResultLines.printAll(last.results)
    }
    if let recallFloor, let recall = last.recallAtK, recall < recallFloor {
      throw ToolFailure(
        .checkFailed, "recall@\(k) is \(formatNumber(recall, digits: 4)), below the floor \(recallFloor)")
    }
  }
}

/// `16` or `1,4,16,64`.
struct NumberList: ExpressibleByArgument, Sendable, CustomStringConvertible {
  let values: [Int]

  init(_ values: [Int]) { self.values = values }

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Int($0) }
    guard !numbers.isEmpty, numbers.count == parts.count else { return nil }
    values = numbers
  }

  var description: String { values.map(String.init).joined(separator: ",") }
}
