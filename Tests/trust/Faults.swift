import ArgumentParser
import PQDamage

/// A fault of the operating system at every call of a build: absent or sound outputs.
struct Faults: ParsableCommand {
  @Option(help: "Of all pairs of call and error, each which.")
  var step = 1

  func run() throws {
    var faults = try BuildFaults()
    for build in BuildFaults.builds {
      try faults.sweep(build, step: step)
      try faults.limitFileSize(build, lengths: max(1, 40 / step))
      for _ in 0..<max(1, 5 / step) { try faults.race(build, builders: 16) }
    }
    for problem in faults.problems { print(problem) }
    try summary(
      "faults", trials: faults.injected, failures: faults.problems.count,
      "\(faults.absent) outputs absent, \(faults.complete) complete")
  }
}
