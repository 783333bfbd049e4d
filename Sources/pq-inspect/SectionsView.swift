import Foundation
import PQFormat
import PQSearch
import ToolSupport

/// Offset, size, checksum and compression of each section.
struct SectionsView {
  private struct Row: Encodable {
    let section: String
    let offset: UInt64
    let bytes: UInt64
    let rawBytes: UInt64
    let crc32c: String?
    let frames: Int
    let compressedFrames: Int
  }

  private let rows: [Row]

  init(_ index: Index) throws {
    rows = try index.sections().map {
      Row(
        section: $0.name, offset: $0.offset, bytes: $0.length, rawBytes: $0.rawLength,
        crc32c: $0.crc.map { String(format: "%08x", $0) }, frames: $0.frames, compressedFrames: $0.compressedFrames)
    }
  }

  func show(json: Bool) throws {
    if json {
      try printJSON(["sections": rows])
      return
    }
    print(
      formatTable(
        header: ["section", "offset", "bytes", "raw bytes", "CRC-32C", "frames", "codec"],
        rows: rows.map { row in
          [
            row.section, "\(row.offset)", "\(row.bytes)", "\(row.rawBytes)", row.crc32c ?? "per part", "\(row.frames)",
            row.compressedFrames == 0 ? "raw" : "\(row.compressedFrames) LZ4, \(row.frames - row.compressedFrames) raw",
          ]
        }))
  }
}
