import ArgumentParser
import PQBuild
import ToolSupport

struct Build: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Builds an index: trains its quantizers and encodes all vectors.",
    discussion: """
      Examples:
        pq-build base.fvecs -o base.pqx
        pq-build base.bvecs -o base.pqx --nlist 1024 --m 16 --vectors u8
        pq-build base.fvecs -o base.pqx --target-bytes 24
        pq-build base.npy -o flat.pqx --index flat --metric cosine
        pq-data generate --count 1000000 --dim 64 --format fbin | pq-build - --format fbin -o g.pqx
        pq-build base.fvecs -o base.pqx --resume
        pq-build - --format fbin --train-input sample.fbin -o base.pqx < base.fbin
      """)

  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var parameters: ParameterOptions
  @OptionGroup var resources: ResourceOptions
  @OptionGroup var running: RunOptions

  @Option(help: "Train on this file instead of a sample of INPUT.")
  var trainInput: String?

  @Option(help: "The ids of the rows: a file of packed little-endian u64.")
  var ids: String?

  @Option(help: "The id of the first row.")
  var firstId: UInt64 = 0

  func run() throws {
    try reportingFailures {
      var chosen = try parameters.resolved(resources, trainInput: trainInput)
      chosen.firstID = firstId
      var build = FileBuild(input: input.source, output: output.path, parameters: chosen)
      build.trainingInput = trainInput.map { VectorSource(path: $0) }
      build.ids = ids
      try running.run(build, output)
    }
  }
}
