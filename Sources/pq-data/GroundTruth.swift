import ArgumentParser
import PQFormat
import PQSearch
import PQStorage
import ToolSupport

struct GroundTruth: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "groundtruth",
    abstract: "Find the exact nearest base vectors of each query.",
    discussion: """
      Compares every query with every base vector. The base is read once, in chunks; queries stay in memory. Ids are row \
      numbers, the nearest first, the lower id first among equals. A name that ends in .npy is written as int64.

      EXAMPLES
        pq-data groundtruth base.fvecs queries.fvecs -k 100 -o truth.ivecs
        pq-data groundtruth base.npy queries.npy -k 10 --metric cosine -o truth.npy
      """,
    version: toolVersion)

  @Argument(help: "The base vectors; - is standard input.") var base: String
  @Argument(help: "The queries.") var queries: String
  @Option(name: .customShort("k"), help: "How many neighbours of each query.") var k: Int
  @Option(help: "How nearness is measured. (default: l2)") var metric: Metric?
  @Option(name: [.customShort("o"), .long], help: "The file to write, .ivecs or .npy; - is standard output, ivecs.")
  var output: String
  @Option(help: "The format of the base vectors; by default the extension names it.") var format: VectorFileFormat?
  @Option(help: "Threads to work with; one for each usable processor by default.") var threads: Int?
  @Flag(help: "Replace the output if it exists.") var force = false

  func validate() throws {
    guard (1...IndexParameters.maximumDimension).contains(k) else {
      throw ValidationError("-k must be 1 to \(IndexParameters.maximumDimension), not \(k).")
    }
    _ = try checkedThreads(threads)
  }

  func run() throws {
    try refuseTerminal(output)
    try reportingFailures {
      try refuse(outputs: [output], among: [base, queries])
      guard queries != "-" else { throw ToolFailure(.usage, "the queries must be a file; the base vectors may be -") }
      var baseReader = try VectorReader(path: base, format: format)
      try checkCount(baseReader.rowCount)
      var queryReader = try VectorReader(path: queries)
      guard queryReader.dimension == baseReader.dimension else {
        throw ToolFailure(
          .badData,
          "\(queries): has \(queryReader.dimension) components, expected \(baseReader.dimension) as in \(base)")
      }
      let vectors = try queryReader.readAll()
      let rowCount = vectors.count / queryReader.dimension
      // Before the work, so that an output that exists is refused at once.
      var writer = try IDWriter(
        path: output, width: k, rowCount: rowCount, idCount: baseReader.rowCount, replacing: force)
      var search = ExactSearch(
        queries: vectors, dimension: queryReader.dimension, metric: metric ?? .l2, k: k,
        threads: try checkedThreads(threads))
      try search.add(&baseReader)
      try checkCount(search.baseCount)
      for neighbors in search.results() {
        let ids = neighbors.map { Int64(clamping: $0.id) }
        try writer.append(row: ids.span)
      }
      try writer.finish()
    }
  }

  /// A row of the output always has k ids.
  private func checkCount(_ count: UInt64?) throws {
    guard let count, count < UInt64(k) else { return }
    throw ToolFailure(.usage, "\(base): has \(count) vectors, fewer than -k \(k); ask for at most \(count)")
  }
}
