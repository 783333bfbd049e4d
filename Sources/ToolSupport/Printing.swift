internal import Foundation

/// `1.5 GB` and the like: decimal units, three significant digits.
public func formatBytes(_ bytes: some BinaryInteger) -> String {
  let units = ["B", "kB", "MB", "GB", "TB", "PB"]
  var value = Double(bytes)
  var unit = 0
  while value >= 999.5, unit < units.count - 1 {
    value /= 1000
    unit += 1
  }
  return unit == 0
    ? "\(bytes) B" : formatNumber(value, digits: value < 9.995 ? 2 : value < 99.95 ? 1 : 0) + " " + units[unit]
}

/// `value` with a fixed number of digits after the point.
public func formatNumber(_ value: Double, digits: Int) -> String {
  String(format: "%.\(digits)f", value)
}

/// Rows as a table: first column left, others right, a header and a rule.
public func formatTable(header: [String], rows: [[String]]) -> String {
  let all = [header] + rows
  let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
  func line(_ cells: [String]) -> String {
    cells.enumerated().map { column, cell in
      let pad = String(repeating: " ", count: widths[column] - cell.count)
      return column == 0 ? cell + pad : pad + cell
    }.joined(separator: "  ")
  }
  let rule = widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ")
  return ([line(header), rule] + rows.map(line)).joined(separator: "\n")
}

/// One JSON value on standard output, keys sorted.
public func printJSON(_ value: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  encoder.keyEncodingStrategy = .convertToSnakeCase
  let text = try encoder.encode(value) + Data("\n".utf8)
  do { try FileHandle.standardOutput.write(contentsOf: text) } catch { throw ToolFailure.standardOutput }
}
