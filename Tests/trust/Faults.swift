import ArgumentParser
import PQDamage

/// A fault of the operating system at every call of a build: absent or sound outputs.
struct Faults: ParsableCommand {
  @Option(help: "Of all pairs of call and error, each which.")
  var step = 1

  @Option(help: "A build or a part of one, by its number from 0 on; all without this.")
  var only: Int?

  @Flag(help: "Prints how many builds and parts there are.")
  var counts = false

  private var count: Int { BuildFaults.builds.count + BuildFaults.parts.count }

  func validate() throws {
    if let only, !(0..<count).contains(only) { throw ValidationError("--only \(only): there are 0 to \(count - 1)") }
  }

  func run() throws {
    if counts { return print(count) }
    var faults = try BuildFaults()
    let (builds, parts) = (BuildFaults.builds, BuildFaults.parts)
    func isWanted(_ number: Int) -> Bool { only == nil || only == number }
    for (number, build) in builds.enumerated() where isWanted(number) {
      try faults.sweep(build, step: step)
      try faults.limitFileSize(build, lengths: max(1, 40 / step))
      for _ in 0..<max(1, 5 / step) { try faults.race(build, builders: 16) }
    }
    for (number, part) in parts.enumerated() where isWanted(builds.count + number) {
      try faults.sweep(part, step: step)
    }
    for problem in faults.problems { print(problem) }
    try summary(
      "faults", trials: faults.injected, failures: faults.problems.count,
      "\(faults.absent) outputs absent, \(faults.complete) complete")
  }
}

/// Builds that are killed at random moments, and gone on with.
struct Kills: ParsableCommand {
  @Option(help: "Builds that are killed once.")
  var count = 500

  @Option(help: "Builds that are killed, and killed again when they are gone on with.")
  var again = 200

  @Option
  var seed: UInt64 = 1

  func run() throws {
    var kills = try BuildKills(seed: seed)
    try kills.run(count, again: false)
    try kills.run(again, again: true)
    for problem in kills.problems { print(problem) }
    try summary(
      "kills", trials: kills.kills, failures: kills.problems.count,
      "\(again) of them again while they were gone on with, \(kills.resumed) left a work folder to go on with, "
        + "\(kills.published) came after the output had its name")
  }
}

/// The build that is killed.
struct KilledBuild: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "killed-build", shouldDisplay: false)

  @Argument
  var folder: String

  func run() throws { try BuildKills.build(in: folder) }
}
