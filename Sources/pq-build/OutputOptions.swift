import ArgumentParser
import PQBuild
import PQFormat
import ToolSupport

/// Where the result goes, and what is said on the way.
struct OutputOptions: ParsableArguments {
  @Option(name: [.customShort("o"), .customLong("output")], help: "The index file to make.")
  var path: String

  @Flag(help: "Replace OUTPUT if it exists, and forget an interrupted build of it.")
  var force = false

  @Flag(help: "Print the report as JSON on standard output.")
  var json = false

  @Flag(help: "Print nothing but errors (and the report, with --json).")
  var quiet = false

  func validate() throws {
    guard !path.isEmpty, path != "-" else {
      throw ValidationError("--output '\(path)': an index is written to a file; name one.")
    }
  }

  /// Makes the process ready for long work that can be interrupted.
  func begin() -> ProgressDisplay {
    Interruption.watch()
    ProcessMemory.limitSlack()
    return ProgressDisplay(quiet: quiet)
  }

  /// The summary comes first: where standard output takes no report, it has said that the index is there.
  func report(_ report: BuildReport, _ display: ProgressDisplay) throws {
    display.end()
    let peaks = display.peaks
    if !quiet { printSummary(report, path, peaks) }
    if json { try printJSON(ReportJSON(report, peaks)) }
  }
}
