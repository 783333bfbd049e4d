import PQBuild
import ToolSupport

/// The report of a build for people: a line a stage, and what came of it.
func printSummary(_ report: BuildReport, _ path: String, _ peaks: StagePeaks) {
  for stage in report.stages {
    let rate = stage.vectorsPerSecond.map { ", \(formatNumber($0, digits: 0)) vectors/s" } ?? ""
    printError(
      "\(stage.name.padding(to: 8)) \(formatNumber(stage.seconds, digits: 2)) s\(rate), "
        + "private memory \(formatBytes(peaks.of[stage.name] ?? 0))")
  }
  printError(
    "\(path): \(report.vectors) vectors, \(formatBytes(report.fileBytes)), "
      + "\(formatNumber(report.bytesPerVector, digits: 2)) bytes per vector, "
      + "list imbalance \(formatNumber(report.imbalance, digits: 3)), peak private memory \(formatBytes(peaks.highest))"
  )
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
