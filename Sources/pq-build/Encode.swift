import ArgumentParser
import PQBuild
import ToolSupport

struct Encode: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Builds an index with the quantizers of a model or of another index.",
    discussion: """
      Several machines can share the work: each encodes some rows, and pq-build merge puts the shards together. Ids are
      the numbers of the rows in INPUT; --first-id is the id of row 0, for an INPUT that is a part of the whole.

      Examples:
        pq-build encode base.fvecs --model model.pqx --rows 0:500000 -o a.pqx
        pq-build encode part2.fvecs --model model.pqx --first-id 500000 -o b.pqx
        pq-data generate --count 1000000 --dim 64 --format fbin | pq-build encode - --format fbin --model m.pqx -o g.pqx
      """)

  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var resources: ResourceOptions
  @OptionGroup var running: RunOptions

  @Option(help: "The index file whose quantizers, metric and encodings are used.")
  var model: String

  @Option(help: "The rows to encode, as a:b: from a up to but without b. (default: all)")
  var rows: RowRange?

  @Option(help: "The ids of the rows: a file of packed little-endian u64.")
  var ids: String?

  @Option(help: "The id of row 0.")
  var firstId: UInt64 = 0

  func run() throws {
    try reportingFailures {
      var parameters = BuildParameters()
      resources.apply(to: &parameters)
      parameters.firstID = firstId
      var build = FileBuild(input: input.source, output: output.path, parameters: parameters)
      build.model = model
      build.rows = rows?.range
      build.ids = ids
      try running.run(build, output)
    }
  }
}
