import Foundation
import PQFormat
import PQKernels
import PQSearch
import ToolSupport

/// What the index is, how it was built, and where its bytes go.
struct SummaryView {
  private struct Part: Encodable {
    let section: String
    let bytes: UInt64
    let bytesPerVector: Double
  }

  private struct Report: Encodable {
    let file: String
    let formatVersion: String
    let fileId: String
    let index: String
    let metric: String
    let vectors: UInt64
    let dimension: Int
    let nlist: Int
    let m: Int
    let nbits: Int
    let residual: Bool
    let rotated: Bool
    let brackets: Bool
    let storedVectors: String
    let ids: String
    let fileBytes: Int
    let bytesPerVector: Double
    let compressionRatio: Double
    let imbalance: Double
    let parts: [Part]
    /// How it was built: the metadata section as it is; nil without one, or where it is no JSON.
    let built: JSONValue?
  }

  private let report: Report
  private let metadata: String?

  init(_ index: Index) throws {
    let p = index.parameters
    let n = p.count > 0 ? Double(p.count) : .infinity  // of a model, 0 bytes per vector
    let sections = try index.sections()
    var parts = sections.map {
      Part(section: $0.name, bytes: $0.length, bytesPerVector: Double($0.length) / n)
    }
    let rest = UInt64(index.fileBytes) - sections.reduce(0) { $0 + $1.length }
    parts.append(Part(section: "header, table, padding", bytes: rest, bytesPerVector: Double(rest) / n))
    let metadata = try index.metadata()
    report = Report(
      file: index.path, formatVersion: index.formatVersion, fileId: Self.hex(index.fileID), index: p.kind.rawValue,
      metric: p.metric.name, vectors: p.count, dimension: p.dimension, nlist: p.nlist, m: p.m, nbits: p.nbits,
      residual: p.residual, rotated: p.isRotated, brackets: p.hasBracket, storedVectors: p.vectors.name,
      ids: p.storesIDs ? "stored" : "row number + \(p.firstID)", fileBytes: index.fileBytes,
      bytesPerVector: Double(index.fileBytes) / n,
      compressionRatio: 4 * Double(p.dimension) * Double(p.count) / Double(index.fileBytes),
      imbalance: ListImbalance.of(try index.listSizes()), parts: parts,
      built: metadata.flatMap(JSONValue.init(metadata:)))
    self.metadata = metadata
  }

  private static func hex(_ value: UInt64) -> String { String(format: "%016llx", value) }

  func show(json: Bool) throws {
    if json {
      try printJSON(report)
      return
    }
    print(
      "\(report.file): \(report.index) index, \(report.metric), format \(report.formatVersion), id \(report.fileId)")
    print(
      "vectors       \(report.vectors) × \(report.dimension), stored as \(report.storedVectors), ids: \(report.ids)")
    if report.nlist > 0 {
      print("lists         \(report.nlist), imbalance \(formatNumber(report.imbalance, digits: 3))")
    }
    if report.m > 0 {
      print(
        "codes         \(report.m) × \(report.nbits) bits" + (report.residual ? ", of residuals" : "")
          + (report.rotated ? ", rotated" : "")
          + (report.brackets ? ", with brackets" : ""))
    }
    print(
      "size          \(formatBytes(report.fileBytes))"
        + (report.vectors > 0
          ? ", \(formatNumber(report.bytesPerVector, digits: 2)) bytes per vector, "
            + "\(formatNumber(report.compressionRatio, digits: 1)) × smaller than f32" : ": a model, of no vectors"))
    print()
    print(
      formatTable(
        header: ["part", "bytes", "bytes/vector"],
        rows: report.parts.map { [$0.section, "\($0.bytes)", formatNumber($0.bytesPerVector, digits: 3)] }))
    guard let metadata else { return }
    print("\nhow it was built:")
    // The file may come from anyone: what would steer a terminal is not passed on.
    for line in metadata.split(separator: "\n") {
      print(
        String(
          String.UnicodeScalarView(
            line.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 })))
    }
  }
}
