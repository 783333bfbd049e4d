import ArgumentParser
import Foundation
import PQBuild
import PQFormat
import PQSearch
import SIFTSample
import ToolSupport

// The library by example, top to bottom: build three indexes of the same vectors, search each one query at a time,
// then map one of them from four processes.

@main
struct Demo: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pq-demo",
    abstract: "Compares a Flat, a PQ and an IVF-PQ index of the same vectors, and shares one between processes.",
    // Without the subcommand, which it runs by itself.
    usage: "pq-demo [--data <data>] [--keep <keep>] [--force] [--json]",
    discussion: """
      Uses the sample of 20,000 SIFT descriptors that travels with the package, or a folder with base, learn and \
      query (any vector format, told by the extension) and groundtruth.ivecs.

      Examples:
        pq-demo
        pq-demo --json
        pq-demo --data sift --keep indexes
      """,
    version: toolVersion,
    subcommands: [MappingProcess.self])

  @Option(help: "A folder with base, learn, query and groundtruth.ivecs. (default: the sample)")
  var data: String?

  @Option(help: "Keep the index files in this folder. (default: a temporary one, removed at the end)")
  var keep: String?

  @Flag(help: "Replace index files of an earlier run in the folder of --keep.")
  var force = false

  @Flag(help: "Print the figures as JSON.")
  var json = false

  func run() throws {
    try reportingFailures {
      Interruption.watch()
      let data = try DataSet(folder: data ?? SIFTSample.folder)
      let folder = try IndexFolder(keeping: keep)
      let (nlist, nprobe) = data.proportions
      let options = SearchOptions(k: data.k, nprobe: nprobe)

      let flat = try build(.flat, data, folder)
      let pq = try build(.pq, data, folder)
      let ivfpq = try build(.ivfpq, data, folder, nlist: nlist)

      let rows = [
        try Measurement("Flat L2", of: flat, data, options),
        try Measurement("PQ", of: pq, data, options),
        try Measurement("IVF-PQ", of: ivfpq, data, options),
      ]
      let processes = try MappingProcess.measure(count: 4, index: ivfpq, data, options)

      let report = Report(data, nlist: nlist, nprobe: nprobe, rows, processes)
      if json { try printJSON(report) } else { report.printTables() }
    }
  }

  /// Builds one index file and returns its path.
  private func build(
    _ kind: IndexKind, _ data: DataSet, _ folder: borrowing IndexFolder, nlist: Int? = nil
  ) throws -> String {
    var parameters = BuildParameters()
    parameters.kind = kind
    parameters.nlist = nlist
    parameters.m = 8
    parameters.nbits = 8
    parameters.iterations = 10
    parameters.threads = usableProcessors

    var build = FileBuild(
      input: VectorSource(path: data.base), output: folder.path(kind.rawValue + ".pqx"), parameters: parameters)
    build.trainingInput = VectorSource(path: data.learn)
    build.replacing = force
    build.isCancelled = { Interruption.isRequested }
    let report = try build.run()
    printError("built \(kind.rawValue).pqx in \(formatNumber(report.seconds, digits: 2)) s")
    return build.output
  }
}

/// How good an index's answers are, and what they cost.
struct Measurement {
  let name: String
  /// Results among the true k, over k: the mean over all queries.
  let recall: Double
  /// The median of single queries.
  let milliseconds: Double
  let fileBytes: Int

  init(_ name: String, of path: String, _ data: DataSet, _ options: SearchOptions) throws {
    let index = try Index(path: path)
    var searcher = Searcher(index)
    var neighbors: [Neighbor] = []
    let queries = data.queries

    // The first search that reads a list checks it; so the answers of one round are judged, and the next is measured.
    var hits = 0
    for query in 0..<data.queryCount {
      neighbors.removeAll(keepingCapacity: true)
      try searcher.search(queries.span.extracting(data.range(ofQuery: query)), options, into: &neighbors)
      let truth = data.trueNeighbors(query)
      hits += neighbors.count { truth.contains($0.id) }
    }
    let clock = ContinuousClock()
    var times: [Double] = []
    for query in 0..<data.queryCount {
      guard !Interruption.isRequested else { throw ToolFailure(.interrupted, "interrupted") }
      neighbors.removeAll(keepingCapacity: true)
      let start = clock.now
      try searcher.search(queries.span.extracting(data.range(ofQuery: query)), options, into: &neighbors)
      times.append((clock.now - start) / .milliseconds(1))
    }

    self.name = name
    recall = Double(hits) / Double(options.k * data.queryCount)
    milliseconds = times.sorted()[times.count / 2]
    fileBytes = index.fileBytes
  }
}
