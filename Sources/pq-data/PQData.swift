import ArgumentParser
import ToolSupport

@main
struct PQData: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pq-data",
    abstract: "Make, convert and look into files of vectors.",
    discussion: """
      Formats, by extension or --format: fvecs, bvecs, fbin, u8bin, i8bin and npy (two dimensions, C order; float32, \
      float16, uint8 or int8). A name of - is standard input or output.

      Exit codes: 0 done, 64 wrong usage, 65 bad data, 66 no input, 73 the output exists or cannot be created, \
      74 reading or writing failed.

      EXAMPLES
        pq-data generate --count 1000000 --dim 96 -o base.fvecs
        pq-data groundtruth base.fvecs queries.fvecs -k 100 -o truth.ivecs
        pq-data convert base.fvecs -o base.npy
        pq-data head base.npy -n 3
      """,
    version: toolVersion,
    subcommands: [Generate.self, Convert.self, GroundTruth.self, Head.self])
}
