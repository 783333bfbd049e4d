import PQFormat
import PQSearch
import ToolSupport

/// The vectors of one list: position, id, codes.
struct ListView {
  private struct Row: Encodable {
    let position: Int
    let id: UInt64
    let codes: [UInt16]
  }

  private struct Report: Encodable {
    let list: Int
    let vectors: Int
    let rows: [Row]
  }

  private let report: Report

  init(_ index: Index, number: Int, limit: Int) throws {
    let (count, ids, codes) = try index.listContents(number, limit: limit)
    let m = index.parameters.m
    report = Report(
      list: number, vectors: count,
      rows: ids.enumerated().map { position, id in
        Row(position: position, id: id, codes: Array(codes[position * m..<(position + 1) * m]))
      })
  }

  func show(json: Bool) throws {
    if json {
      try printJSON(report)
      return
    }
    print("list \(report.list): \(report.vectors) vectors")
    for row in report.rows {
      print("\(row.position)\tid \(row.id)\t" + row.codes.map(String.init).joined(separator: " "))
    }
    if report.rows.count < report.vectors {
      print("… \(report.vectors - report.rows.count) more; --limit N shows more")
    }
  }
}
