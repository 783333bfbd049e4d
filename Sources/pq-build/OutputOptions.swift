import ArgumentParser
import PQBuild
import PQFormat
import ToolSupport

/// Where the result goes, and what is said on the way.
struct OutputOptions: ParsableArguments {
  @Option(name: [.customShort("o"), .customLong("output")], help: "The index file to make.")
  var path: String

  @Flag(help: "Go on with an interrupted build of OUTPUT.")
  var resume = false

  @Flag(help: "Replace OUTPUT if it exists, and forget an interrupted build of it.")
  var force = false

  @Flag(help: "Say what would be built and what it takes, and stop.")
  var dryRun = false

  @Flag(help: "Print the report as JSON on standard output.")
  var json = false

  @Flag(help: "Print nothing but errors (and the report, with --json).")
  var quiet = false

  /// Runs the build, or prints its plan.
  func run(_ build: FileBuild) throws {
    Interruption.watch()
    ProcessMemory.limitSlack()
    let display = ProgressDisplay(quiet: quiet)
    var build = build
    build.replacing = force
    build.resuming = resume
    build.isCancelled = { Interruption.isRequested }
    build.progress = { display.show($0) }
    if dryRun {
      printPlan(try build.plan())
      return
    }
    defer { display.end() }
    report(try build.run(), display)
  }

  func report(_ report: BuildReport, _ display: ProgressDisplay) {
    display.end()
    let peaks = display.peaks
    if json { try? printJSON(ReportJSON(report, peaks)) }
    if !quiet { printSummary(report, path, peaks) }
  }
}
