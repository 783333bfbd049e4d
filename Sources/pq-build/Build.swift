import ArgumentParser
import PQBuild
import PQFormat
import PQStorage
import ToolSupport

@main
struct Build: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pq-build",
    abstract: "Builds a .pqx index from a vector file.",
    discussion: """
      INPUT is fvecs, bvecs, fbin, u8bin, i8bin or npy, by its extension or --format; - is standard input.

      Examples:
        pq-build base.fvecs -o base.pqx
        pq-build base.bvecs -o base.pqx --nlist 1024 --m 16 --vectors u8
        pq-build base.fvecs -o base.pqx --target-bytes 24
        pq-build base.npy -o flat.pqx --index flat --metric cosine
        pq-data generate --count 1000000 --dim 64 --format fbin | pq-build - --format fbin -o g.pqx
      """,
    version: toolVersion)

  @Argument(help: "The vectors to index; - is standard input.")
  var input: String

  @Option(name: .shortAndLong, help: "The index file to make.")
  var output: String

  @Option(help: "The format of INPUT, if its name does not tell.")
  var format: VectorFileFormat?

  @OptionGroup var parameters: ParameterOptions

  @Option(help: "Train on this file instead of a sample of INPUT.")
  var trainInput: String?

  @Option(help: "The ids of the rows: a file of packed little-endian u64.")
  var ids: String?

  @Flag(help: "Say what would be built, and stop.")
  var dryRun = false

  @Flag(help: "Replace OUTPUT if it exists.")
  var force = false

  @Flag(help: "Print the report as JSON on standard output.")
  var json = false

  @Flag(help: "Print nothing but errors (and the report, with --json).")
  var quiet = false

  func run() throws {
    try reportingFailures {
      Interruption.watch()
      let display = ProgressDisplay(quiet: quiet)
      var build = FileBuild(
        input: VectorSource(path: input, format: format), output: output, parameters: try parameters.resolved())
      build.trainingInput = trainInput.map { VectorSource(path: $0) }
      build.ids = ids
      build.replacing = force
      build.isCancelled = { Interruption.isRequested }
      build.progress = { display.show($0) }
      if dryRun {
        printPlan(try build.plan())
        return
      }
      let report = try build.run()
      display.end()
      if json { try printJSON(ReportJSON(report, peak: display.peakMemory)) }
      if !quiet { printSummary(report, peak: display.peakMemory) }
    }
  }

  private func printPlan(_ plan: BuildPlan) {
    for notice in plan.notices { printError(notice) }
    let index = plan.index
    print("index     \(index.kind.rawValue), \(index.metric.name), dimension \(index.dimension)")
    if index.nlist > 0 { print("nlist     \(index.nlist)" + (plan.groups > 0 ? " in \(plan.groups) groups" : "")) }
    if index.m > 0 { print("codes     m \(index.m) × \(index.nbits) bits" + (index.residual ? ", residual" : "")) }
    print("vectors   \(index.vectors.name)")
    print("training  \(plan.trainSize) rows, \(plan.coarseIterations) and \(plan.codebookIterations) iterations")
  }

  private func printSummary(_ report: BuildReport, peak: UInt64) {
    for stage in report.stages {
      printError("\(stage.name.padding(to: 8)) \(formatNumber(stage.seconds, digits: 2)) s")
    }
    printError(
      "\(output): \(report.vectors) vectors, \(formatBytes(report.fileBytes)), "
        + "\(formatNumber(report.bytesPerVector, digits: 2)) bytes per vector, "
        + "list imbalance \(formatNumber(report.imbalance, digits: 3)), peak private memory \(formatBytes(peak))")
  }
}

/// `--json`: what the build took and made.
private struct ReportJSON: Encodable {
  struct Stage: Encodable {
    let name: String
    let seconds: Double
  }

  let stages: [Stage]
  let seconds: Double
  let vectors: UInt64
  let vectorsPerSecond: Double
  let peakRssBytes: UInt64
  let fileBytes: UInt64
  let bytesPerVector: Double
  let imbalance: Double
  let sectionBytes: [String: UInt64]

  init(_ report: BuildReport, peak: UInt64) {
    stages = report.stages.map { Stage(name: $0.name, seconds: $0.seconds) }
    seconds = report.seconds
    vectors = report.vectors
    vectorsPerSecond = report.seconds > 0 ? Double(report.vectors) / report.seconds : 0
    peakRssBytes = peak
    fileBytes = report.fileBytes
    bytesPerVector = report.bytesPerVector
    imbalance = report.imbalance
    sectionBytes = report.sectionBytes
  }
}

extension String {
  fileprivate func padding(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
