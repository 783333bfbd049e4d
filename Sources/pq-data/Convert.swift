import ArgumentParser
import PQStorage
import ToolSupport

struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a file of vectors in another format.",
    discussion: """
      Values are never changed: one that the new format cannot hold is refused by row and component.

      EXAMPLES
        pq-data convert base.fvecs -o base.npy
        pq-data convert - --format fbin -o base.bvecs < base.fbin
      """,
    version: toolVersion)

  @Argument(help: "The file to read; - is standard input.") var input: String
  @Option(name: [.customShort("o"), .long], help: "The file to write; - is standard output.") var output: String
  @Option(help: "The input's format; by default its extension names it.") var format: VectorFileFormat?
  @Option(help: "The output's format; by default its extension names it.") var outputFormat: VectorFileFormat?
  @Flag(help: "Replace the output if it exists.") var force = false

  func run() throws {
    try refuseTerminal(output)
    try reportingFailures {
      try refuse(outputs: [output], among: [input])
      var reader = try VectorReader(path: input, format: format)
      var writer = try VectorWriter(
        path: output, format: outputFormat, dimension: reader.dimension, rowCount: reader.rowCount, replacing: force)
      var rows: [Float] = []
      while try reader.read(maxRows: max(1, (1 << 20) / reader.dimension), into: &rows) > 0 {
        try writer.append(rows: rows.span)
      }
      try reader.checkUnchanged()
      try writer.finish()
    }
  }
}
