import ArgumentParser
import PQBuild
import ToolSupport

struct Merge: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Merges indexes of one model into one, as if all their vectors had been built into it at once.",
    discussion: """
      Example:
        pq-build merge a.pqx b.pqx c.pqx -o all.pqx
      """)

  @Argument(help: "Indexes that were encoded with the same model and share no id.")
  var shards: [String]

  @OptionGroup var output: OutputOptions

  @OptionGroup var resources: ResourceOptions

  func run() throws {
    try reportingFailures {
      var merge = IndexMerge(shards, output: output.path)
      resources.apply(to: &merge)
      merge.replacing = output.force
      merge.isCancelled = { Interruption.isRequested }
      let display = output.begin()
      defer { display.end() }
      merge.progress = { display.show($0) }
      try output.report(try merge.run(), display)
    }
  }
}
