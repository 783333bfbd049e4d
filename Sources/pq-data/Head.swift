import ArgumentParser
import PQStorage
import ToolSupport

struct Head: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what a file of vectors is, and its first rows.",
    discussion: """
      Reads ids (ground truth, results) too: .ivecs, and .npy of int64, int32 or uint32.

      EXAMPLES
        pq-data head base.fvecs
        pq-data head base.npy -n 1 --json
        pq-data head - --format bvecs < base.bvecs
      """,
    version: toolVersion)

  @Argument(help: "The file to read; - is standard input.") var file: String
  @Option(name: .customShort("n"), help: "How many rows to show.") var rows = 5
  @Option(help: "The file's format; by default its extension names it.") var format: VectorFileFormat?
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    guard rows >= 0 else { throw ValidationError("-n must not be negative.") }
  }

  func run() throws {
    try reportingFailures {
      let isIDs = format == nil && IDMatrix.isHeld(in: file)
      try (isIDs ? readIDs() : readVectors()).show(asJSON: json)
    }
  }

  private func readIDs() throws -> Summary {
    let matrix = try IDMatrix(path: file)
    let shown = (0..<min(rows, matrix.rowCount)).map { row in
      Row.ids(Array(matrix.ids[row * matrix.width..<(row + 1) * matrix.width]))
    }
    return Summary(
      file: file, format: IDMatrix.isNPY(file) ? "npy" : "ivecs", componentType: matrix.component.rawValue,
      dimension: matrix.width, count: UInt64(matrix.rowCount), rows: shown)
  }

  private func readVectors() throws -> Summary {
    var reader = try VectorReader(path: file, format: format)
    var shown: [Row] = []
    var row: [Float] = []
    while shown.count < rows, try reader.read(maxRows: 1, into: &row) > 0 { shown.append(.components(row)) }
    return Summary(
      file: file, format: reader.format.rawValue, componentType: reader.componentType.rawValue,
      dimension: reader.dimension, count: reader.rowCount, rows: shown)
  }

  /// What is shown of a file.
  struct Summary: Encodable {
    let file: String
    let format: String
    let componentType: String
    let dimension: Int
    /// Nil for a stream that does not say.
    let count: UInt64?
    let rows: [Row]

    func show(asJSON json: Bool) throws {
      if json { return try printJSON(self) }
      let vectors = count.map { "\($0) rows" } ?? "rows"
      print("\(file): \(format), \(vectors) of \(dimension) \(componentType) components")
      for (number, row) in rows.enumerated() {
        print("\(number): " + row.texts.joined(separator: " "))
      }
    }
  }

  enum Row: Encodable {
    case ids([Int64])
    case components([Float])

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .ids(let ids): try container.encode(ids)
      case .components(let components): try container.encode(components.map(Double.init))
      }
    }

    /// Integers without a point, f32 in the fewest digits that tell it from its neighbours.
    var texts: [String] {
      switch self {
      case .ids(let ids): ids.map(String.init)
      case .components(let components): components.map { Int(exactly: $0).map(String.init) ?? $0.description }
      }
    }
  }
}
