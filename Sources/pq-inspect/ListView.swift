import PQFormat
import PQSearch
import ToolSupport

/// The vectors of one list: position, id, codes, and what their brackets are at least, where the index has any.
struct ListView {
  private struct Row: Encodable {
    let position: Int
    let id: UInt64
    let codes: [UInt16]
    let bracket: Double?
  }

  private struct Report: Encodable {
    let list: Int
    let vectors: Int
    let rows: [Row]
  }

  private let report: Report

  init(_ index: Index, number: Int, limit: Int) throws {
    let contents = try index.listContents(number, limit: limit)
    let m = index.parameters.m
    report = Report(
      list: number, vectors: contents.count,
      rows: contents.ids.enumerated().map { position, id in
        Row(
          position: position, id: id, codes: Array(contents.codes[position * m..<(position + 1) * m]),
          bracket: contents.brackets.isEmpty ? nil : contents.brackets[position])
      })
  }

  func show(json: Bool) throws {
    if json {
      try printJSON(report)
      return
    }
    print("list \(report.list): \(report.vectors) vectors")
    for row in report.rows {
      let bracket = row.bracket.map { "\tbracket \($0)" } ?? ""
      print("\(row.position)\tid \(row.id)\t" + row.codes.map(String.init).joined(separator: " ") + bracket)
    }
    if report.rows.count < report.vectors {
      print("… \(report.vectors - report.rows.count) more; --limit N shows more")
    }
  }
}
