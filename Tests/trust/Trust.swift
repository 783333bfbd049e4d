import ArgumentParser

/// The long forms of the tests of damage and faults; Tests/trust.sh runs them and makes a table.
@main
struct Trust: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trust",
    subcommands: [
      Bytes.self, Lengths.self, Mutants.self, Allocation.self, Truncations.self, Faults.self, Kills.self,
      KilledBuild.self, Replacements.self, ReplacedReader.self, Scribbles.self, FirstTouch.self,
    ])
}

/// What every subcommand prints on its last line, for a script to read: `name trials failures detail`.
func summary(_ name: String, trials: Int, failures: Int, _ detail: String) throws {
  print("\(name)\t\(trials)\t\(failures)\t\(detail)")
  if failures > 0 { throw ExitCode(1) }
}
