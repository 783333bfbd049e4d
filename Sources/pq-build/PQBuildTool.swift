import ArgumentParser
import ToolSupport

@main
struct PQBuildTool: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pq-build",
    abstract: "Builds a .pqx index from a vector file.",
    discussion: """
      INPUT is fvecs, bvecs, fbin, u8bin, i8bin or npy, by its extension or --format; - is standard input.
      A build that was interrupted or killed is gone on with by the same command and --resume.

      Examples:
        pq-build base.fvecs -o base.pqx
        pq-build base.bvecs -o base.pqx --nlist 1024 --m 16 --vectors u8 --memory 256MiB
        pq-build base.npy -o flat.pqx --index flat --metric cosine
        pq-data generate --count 1000000 --dim 64 --format fbin | pq-build - --format fbin -o g.pqx
        pq-build train base.fvecs -o model.pqx
        pq-build encode base.fvecs --model model.pqx --rows 0:500000 -o a.pqx
        pq-build encode base.fvecs --model model.pqx --rows 500000:1000000 -o b.pqx
        pq-build merge a.pqx b.pqx -o base.pqx

      pq-build INPUT … is short for pq-build build INPUT …; its options: pq-build help build
      """,
    version: toolVersion,
    subcommands: [Build.self, Train.self, Encode.self, Merge.self],
    defaultSubcommand: Build.self)
}
