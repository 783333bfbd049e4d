import PQBuild
import ToolSupport

/// The report of a build for people: a line a stage, and what came of it.
func printSummary(_ report: BuildReport, _ path: String, _ peaks: StagePeaks) {
  for stage in report.stages {
    // An index without lists has nothing to merge.
    let rate = stage.vectors == 0 ? nil : stage.vectorsPerSecond
    printError(
      "\(stage.name.padding(to: 8)) \(formatNumber(stage.seconds, digits: 2)) s, "
        + (rate.map { "\(formatNumber($0, digits: 0)) vectors/s, " } ?? "")
        + "private memory \(formatBytes(peaks.of[stage.name] ?? 0))")
  }
  let size = formatBytes(report.fileBytes)
  let made =
    report.vectors == 0
    ? "a model, of no vectors, \(size)"
    : "\(report.vectors) vectors, \(size), \(formatNumber(report.bytesPerVector, digits: 2)) bytes per vector, "
      + "list imbalance \(formatNumber(report.imbalance, digits: 3))"
  printError("\(path): \(made), peak private memory \(formatBytes(peaks.highest))")
}

/// `--json`: what the build took and made.
struct ReportJSON: Encodable {
  struct Stage: Encodable {
    let name: String
    let seconds: Double
    let vectors: UInt64?
    let vectorsPerSecond: Double?
    let peakRssBytes: UInt64
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

  init(_ report: BuildReport, _ peaks: StagePeaks) {
    stages = report.stages.map {
      Stage(
        name: $0.name, seconds: $0.seconds, vectors: $0.vectors, vectorsPerSecond: $0.vectorsPerSecond,
        peakRssBytes: peaks.of[$0.name] ?? 0)
    }
    seconds = report.seconds
    vectors = report.vectors
    vectorsPerSecond = report.seconds > 0 ? Double(report.vectors) / report.seconds : 0
    peakRssBytes = peaks.highest
    fileBytes = report.fileBytes
    bytesPerVector = report.bytesPerVector
    imbalance = report.imbalance
    sectionBytes = report.sectionBytes
  }
}

extension String {
  fileprivate func padding(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
