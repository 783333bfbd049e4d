import ArgumentParser
import PQBuild
import PQStorage
import ToolSupport

/// What is read.
struct InputOptions: ParsableArguments {
  @Argument(help: "The vectors; - is standard input.")
  var input: String

  @Option(help: "The format of INPUT, if its name does not tell.")
  var format: VectorFileFormat?

  var source: VectorSource { VectorSource(path: input, format: format) }
}
