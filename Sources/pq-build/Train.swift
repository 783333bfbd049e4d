import ArgumentParser
import PQBuild
import ToolSupport

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains the quantizers of an index and writes them as a model: an index of no vectors.",
    discussion: """
      What it is given here holds for all shards that are encoded with the model: metric, lists, codes, stored vectors.

      Example:
        pq-build train base.fvecs -o model.pqx --nlist 65536 --m 16
      """)

  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var parameters: ParameterOptions
  @OptionGroup var resources: ResourceOptions
  @OptionGroup var running: RunOptions

  func run() throws {
    try reportingFailures {
      var build = FileBuild(input: input.source, output: output.path, parameters: try parameters.resolved(resources))
      build.trainsOnly = true
      try running.run(build, output)
    }
  }
}
