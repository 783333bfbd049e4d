import PQFormat
import PQSearch
import ToolSupport

/// How long the lists are: a histogram, and the longest.
struct ListsView {
  private struct Bin: Encodable {
    let from: Int
    let to: Int
    let lists: Int
  }

  private struct Entry: Encodable {
    let list: Int
    let vectors: Int
  }

  private struct Report: Encodable {
    let lists: Int
    let empty: Int
    let shortest: Int
    let median: Int
    let longest: Int
    let histogram: [Bin]
    let top: [Entry]
  }

  private let report: Report

  init(_ index: Index, top: Int) throws {
    let sizes = try index.listSizes()
    let sorted = sizes.sorted()
    let longest = sorted.last ?? 0
    let width = max(1, (longest + 16) / 16)
    var counts = [Int](repeating: 0, count: longest / width + 1)
    for size in sizes { counts[size / width] += 1 }
    let ranked = sizes.enumerated().sorted {
      $0.element != $1.element ? $0.element > $1.element : $0.offset < $1.offset
    }
    report = Report(
      lists: sizes.count, empty: sizes.count { $0 == 0 }, shortest: sorted.first ?? 0,
      median: sorted[sorted.count / 2], longest: longest,
      histogram: counts.enumerated().map { Bin(from: $0 * width, to: ($0 + 1) * width - 1, lists: $1) },
      top: ranked.prefix(top).map { Entry(list: $0.offset, vectors: $0.element) })
  }

  func show(json: Bool) throws {
    if json {
      try printJSON(report)
      return
    }
    print(
      "\(report.lists) lists, \(report.empty) empty; shortest \(report.shortest), median \(report.median), "
        + "longest \(report.longest) vectors\n")
    let most = max(1, report.histogram.map(\.lists).max() ?? 1)
    for bin in report.histogram {
      let label = "\(bin.from)–\(bin.to)"
      let bar = String(repeating: "█", count: (bin.lists * 50 + most - 1) / most)
      print(String(repeating: " ", count: max(0, 15 - label.count)) + label + "  \(bar) \(bin.lists)")
    }
    print()
    print(formatTable(header: ["list", "vectors"], rows: report.top.map { ["\($0.list)", "\($0.vectors)"] }))
  }
}
