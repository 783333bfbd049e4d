import ArgumentParser
import PQBuild
import ToolSupport

/// How a build goes.
struct RunOptions: ParsableArguments {
  @Flag(help: "Go on with an interrupted build of OUTPUT.")
  var resume = false

  @Flag(help: "Say what would be built and what it takes, and stop.")
  var dryRun = false

  /// Runs the build, or prints its plan.
  func run(_ build: FileBuild, _ output: OutputOptions) throws {
    var build = build
    build.replacing = output.force
    build.resuming = resume
    if dryRun { return try printPlan(try build.plan(), json: output.json, quiet: output.quiet) }
    let display = output.begin()
    defer { display.end() }
    build.isCancelled = { Interruption.isRequested }
    build.progress = { display.show($0) }
    try output.report(try build.run(), display)
  }
}
