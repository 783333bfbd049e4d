import PQFormat
import PQStorage
import ToolSupport

/// All queries of a file, in memory.
struct QuerySet: Sendable {
  /// `[query][dimension]`.
  let vectors: [Float]
  let count: Int
  let dimension: Int

  init(path: String, format: VectorFileFormat?, limit: Int?, dimension: Int) throws {
    var reader = try VectorReader(path: path, format: format)
    guard reader.dimension == dimension else {
      throw ToolFailure(
        .badData, "\(path): the queries have dimension \(reader.dimension), the index has \(dimension)")
    }
    if let limit, limit <= 0 { throw ToolFailure(.usage, "--limit \(limit): use at least 1") }
    var all: [Float] = []
    var chunk: [Float] = []
    while all.count / dimension < limit ?? .max {
      let rows = try reader.read(maxRows: min(4096, (limit ?? .max) - all.count / dimension), into: &chunk)
      guard rows > 0 else { break }
      all += chunk
    }
    try reader.checkUnchanged()
    vectors = all
    count = all.count / dimension
    self.dimension = dimension
  }

  subscript(_ query: Int) -> Span<Float> {
    @_lifetime(borrow self) get { vectors.span.extracting(query * dimension..<(query + 1) * dimension) }
  }
}

/// The true neighbours of each query, best first.
struct GroundTruth: Sendable {
  private let matrix: IDMatrix
  private let k: Int

  init(path: String, queries: Int, k: Int) throws {
    guard path == "-" || IDMatrix.canBeNamed(path) else {
      throw ToolFailure(.usage, "--groundtruth \(path): name an .ivecs or .npy file, as pq-data groundtruth writes it")
    }
    matrix = try IDMatrix(path: path)
    self.k = k
    guard matrix.width >= k else {
      throw ToolFailure(.badData, "\(path): holds \(matrix.width) neighbours a query, k is \(k); give a smaller -k")
    }
    guard matrix.rowCount >= queries else {
      throw ToolFailure(
        .badData, "\(path): holds \(matrix.rowCount) queries, there are \(queries); give --limit \(matrix.rowCount)")
    }
  }

  /// The true k of one query.
  func neighbors(_ query: Int) -> ArraySlice<Int64> {
    matrix.ids[query * matrix.width..<query * matrix.width + k]
  }
}
