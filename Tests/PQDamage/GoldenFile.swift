internal import Formats
internal import Foundation
internal import PQFormat

/// A sound index file in memory, golden or built by a test, with the queries for it.
public struct GoldenFile: Sendable {
  public let name: String
  public let bytes: [UInt8]
  /// `[query][component]`.
  public let queries: [Float]

  /// One file of each kind of index and encoding, with frames that are LZ4 blocks among them.
  public static let kinds = [
    "flat-f32.pqx", "flat-u8.pqx", "pq-8.pqx", "ivfflat-ip.pqx", "ivfpq-4.pqx", "ivfpq-lz4.pqx",
  ]

  /// The names of all golden files, the damaged ones too.
  public static var names: [String] { GoldenFiles.valid + GoldenFiles.olderValid + GoldenFiles.damaged.map(\.name) }

  init(name: String, bytes: [UInt8], queries: [Float]) {
    (self.name, self.bytes, self.queries) = (name, bytes, queries)
  }

  /// - Parameter queryCount: at most five.
  public init(_ name: String, queryCount: Int = 2) throws {
    self.name = name
    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: GoldenFiles.folder + "/" + name)))
    self.bytes = bytes
    let dimension = bytes.count < 112 ? 1 : Int(bytes.rawSpan.u32(at: 88))
    let rows = Array((try? Data(contentsOf: URL(fileURLWithPath: GoldenFiles.queries(dimension: dimension)))) ?? Data())
    let stride = 4 + 4 * dimension
    queries = (0..<min(queryCount, rows.count / stride)).flatMap { row in
      (0..<dimension).map { Float(bitPattern: rows.rawSpan.u32(at: row * stride + 4 + 4 * $0)) }
    }
  }
}
