import Foundation
import PQFormat
import PQStorage
import ToolSupport

/// What is indexed and asked: the files of a folder, with the queries and their true neighbours in memory.
struct DataSet {
  let base: String
  let learn: String
  let dimension: Int
  let baseCount: UInt64
  let learnCount: UInt64
  let queryFile: String
  let queryCount: Int
  /// Results per query: 100, or as many as the ground truth has.
  let k: Int
  /// `[query][dimension]`.
  let queries: [Float]
  private let truth: IDMatrix

  init(folder: String) throws {
    base = try Self.vectorFile("base", in: folder)
    learn = try Self.vectorFile("learn", in: folder)
    queryFile = try Self.vectorFile("query", in: folder)
    let baseReader = try VectorReader(path: base)
    let learnReader = try VectorReader(path: learn)
    dimension = baseReader.dimension
    baseCount = baseReader.rowCount ?? 0
    learnCount = learnReader.rowCount ?? 0
    queries = try Self.readQueries(queryFile, dimension: dimension)
    queryCount = queries.count / dimension
    let truthFile = folder + "/groundtruth.ivecs"
    truth = try IDMatrix(path: truthFile)
    k = min(100, truth.width)
    guard truth.rowCount >= queryCount else {
      throw ToolFailure(
        .badData, "\(truthFile): holds \(truth.rowCount) queries, but \(queryFile) has \(queryCount); make it again")
    }
  }

  /// Where the components of one query are in ``queries``.
  func range(ofQuery number: Int) -> Range<Int> { number * dimension..<(number + 1) * dimension }

  /// The exact k nearest of one query.
  func trueNeighbors(_ query: Int) -> Set<UInt64> {
    Set(truth.ids[query * truth.width..<query * truth.width + k].map { UInt64(bitPattern: $0) })
  }

  /// Lists to make and to visit. Lists: the largest power of two up to 4 · √n with 39 training vectors each, fewer than
  /// which train a centroid poorly. Visited: 1 in 32.
  var proportions: (nlist: Int, nprobe: Int) {
    let most = max(1, min(Int(learnCount / 39), Int(4 * Double(baseCount).squareRoot())))
    let nlist = 1 << (Int.bitWidth - 1 - most.leadingZeroBitCount)
    return (nlist, max(1, nlist / 32))
  }

  static func readQueries(_ path: String, dimension: Int) throws -> [Float] {
    var reader = try VectorReader(path: path)
    guard reader.dimension == dimension else {
      throw ToolFailure(.badData, "\(path): has dimension \(reader.dimension), expected \(dimension) as in the base")
    }
    return try reader.readAll()
  }

  private static func vectorFile(_ name: String, in folder: String) throws(ToolFailure) -> String {
    let names = VectorFileFormat.allCases.map { "\(name).\($0.rawValue)" }
    guard let found = names.first(where: { FileManager.default.fileExists(atPath: "\(folder)/\($0)") }) else {
      let exists = FileManager.default.fileExists(atPath: folder)
      throw ToolFailure(
        .noInput,
        exists
          ? "\(folder): has none of \(names.joined(separator: ", ")); see pq-demo --help for what it must hold"
          : "\(folder): no such folder; --data names one with base, learn, query and groundtruth.ivecs")
    }
    return "\(folder)/\(found)"
  }
}

/// Where the index files are made: a folder that is kept, or a temporary one that is removed with the value.
struct IndexFolder: ~Copyable {
  private let url: URL
  private let isTemporary: Bool

  init(keeping path: String?) throws(ToolFailure) {
    let url =
      path.map { URL(fileURLWithPath: $0, isDirectory: true) }
      ?? FileManager.default.temporaryDirectory.appendingPathComponent("pqx-demo-\(UUID().uuidString)")
    do {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: path != nil)
    } catch {
      throw ToolFailure(.cannotCreate, "\(url.path): the folder cannot be made: \(error.localizedDescription)")
    }
    self.url = url
    isTemporary = path == nil
  }

  func path(_ name: String) -> String { url.appendingPathComponent(name).path }

  deinit { if isTemporary { try? FileManager.default.removeItem(at: url) } }
}
