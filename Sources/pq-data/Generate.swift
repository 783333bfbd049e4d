import ArgumentParser
import PQFormat
import PQStorage
import ToolSupport

struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make clustered random vectors, the same for the same seed on every machine.",
    discussion: """
      The vectors are a mixture of 1,024 Gaussians: centres uniform in [64, 192) per component, standard deviation 16. \
      bvecs and u8bin hold them rounded to 0...255, i8bin less 128. Row i depends on the seed and i alone, so that \
      parts made with --rows fit together.

      EXAMPLES
        pq-data generate --count 1000000 --dim 128 -o base.bvecs
        pq-data generate --count 1000000 --dim 128 --rows 0:1000 --format fvecs > first.fvecs
      """,
    version: toolVersion)

  @Option(help: "How many vectors.") var count: UInt64
  @Option(help: "Components of each vector.") var dim: Int
  @Option(help: "The seed.") var seed: UInt64 = 1
  @Option(help: ArgumentHelp("Write only the rows from a up to b.", valueName: "a:b")) var rows: RowRange?
  @Option(help: "The format; by default the extension of the output names it.") var format: VectorFileFormat?
  @Option(name: [.customShort("o"), .long], help: "The file to write; standard output by default.")
  var output = "-"
  @Flag(help: "Replace the output if it exists.") var force = false
  @Option(help: "Threads to work with; one for each usable processor by default.") var threads: Int?

  func validate() throws {
    guard count > 0 else { throw ValidationError("--count must be at least 1.") }
    guard (1...IndexParameters.maximumDimension).contains(dim) else {
      throw ValidationError("--dim must be 1 to \(IndexParameters.maximumDimension), not \(dim).")
    }
    if let rows, rows.range.upperBound > count {
      throw ValidationError("--rows ends at \(rows.range.upperBound), but --count is \(count).")
    }
    _ = try checkedThreads(threads)
    if output == "-", format == nil {
      throw ValidationError("Standard output has no extension: pass --format, or name a file with -o.")
    }
  }

  func run() throws {
    try refuseTerminal(output)
    try reportingFailures {
      let range = rows?.range ?? 0..<count
      var writer = try VectorWriter(
        path: output, format: format, dimension: dim, rowCount: range.upperBound - range.lowerBound, replacing: force)
      let mixture = GaussianMixture(seed: seed, dimension: dim, type: writer.format.componentType)
      let chunkRows = UInt64(max(1, (1 << 20) / dim))
      let workers = try checkedThreads(threads)
      var chunk: [Float] = []
      var next = range.lowerBound
      while next < range.upperBound {
        let count = Int(min(chunkRows, range.upperBound - next))
        if chunk.count != count * dim { chunk = Array(repeating: 0, count: count * dim) }
        mixture.fill(&chunk, from: next, threads: workers)
        try writer.append(rows: chunk.span)
        next += UInt64(count)
      }
      try writer.finish()
    }
  }
}
