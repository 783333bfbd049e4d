import Foundation
import PQFormat
import PQSearch

/// list-choice INDEX QUERIES [NPROBE …]: what the choice of lists takes, through the index's groups and among all lists,
/// and how many of the nearest lists are found through groups. QUERIES is .bvecs or .fvecs.
///
/// One thread; medians of five rounds in which all ways are timed in turn. Of many lists fewer queries are used. Prints
/// rows of a Markdown table: nlist, nprobe, recall of lists, share of the centroids that are compared, µs a query through
/// groups and among all lists with one query a call, and the same with all queries in one call.
@main struct ListChoice {
  static let rounds = 5

  let index: Index
  /// `[query][dimension]`.
  let queries: [Float]
  var dimension: Int { index.parameters.dimension }
  var count: Int { queries.count / dimension }

  /// As many queries as are compared with `components` of all lists' centroids, if there are so many.
  private func queries(comparing components: Int) -> Int {
    min(count, max(1, components / (index.parameters.nlist * dimension)))
  }

  static func main() throws {
    let arguments = CommandLine.arguments.dropFirst()
    let points = arguments.dropFirst(2).map { Int($0) ?? 0 }
    guard arguments.count >= 2, points.allSatisfy({ $0 > 0 }) else {
      print("usage: list-choice INDEX QUERIES [NPROBE …]")
      exit(64)
    }
    let paths = Array(arguments.prefix(2))
    let index = try Index(path: paths[0])
    let queries = try readQueries(paths[1], dimension: index.parameters.dimension)
    let run = ListChoice(index: index, queries: queries)
    for nprobe in points.isEmpty ? [1, 16, 64, 256] : points { print(try run.row(nprobe)) }
  }

  private func row(_ nprobe: Int) throws -> String {
    let grouped = SearchOptions(nprobe: nprobe)
    var exhaustive = grouped
    exhaustive.usesGroups = false
    var searcher = Searcher(index)
    let judged = queries(comparing: 1 << 33)
    var (found, nearest) = ([UInt32](), [UInt32]())
    _ = try pass(judged, grouped, batch: judged, &searcher, &found)
    let share = Double(searcher.statistics.centroids) / Double(index.parameters.nlist * judged)
    _ = try pass(judged, exhaustive, batch: judged, &searcher, &nearest)

    let timed = queries(comparing: 1 << 29)
    let ways = [(grouped, 1), (exhaustive, 1), (grouped, timed), (exhaustive, timed)]
    var times = ways.map { _ in [Double]() }
    for round in 0...Self.rounds {
      for (i, (options, batch)) in ways.enumerated() {
        var lists: [UInt32] = []
        let time = try pass(timed, options, batch: batch, &searcher, &lists)
        precondition(lists[...] == (options.usesGroups ? found : nearest).prefix(lists.count), "other lists")
        if round > 0 { times[i].append(time) }
      }
    }
    let cells = ["\(index.parameters.nlist)", "\(nprobe)", String(format: "%.4f", recall(found, nearest, of: judged))]
    let figures = times.map { String(format: "%.1f", $0.sorted()[Self.rounds / 2]) }
    return "| " + (cells + [String(format: "%.0f %%", 100 * share)] + figures).joined(separator: " | ") + " |"
  }

  /// Chooses for the first `count` queries; microseconds a query.
  private func pass(
    _ count: Int, _ options: SearchOptions, batch: Int, _ searcher: inout Searcher, _ lists: inout [UInt32]
  ) throws -> Double {
    let clock = ContinuousClock()
    let begun = clock.now
    for first in stride(from: 0, to: count, by: batch) {
      let part = first * dimension..<min(count, first + batch) * dimension
      try searcher.chooseLists(queries.span.extracting(part), options, into: &lists)
    }
    return (clock.now - begun) / .microseconds(1) / Double(count)
  }

  /// The share of `nearest` `[query][nprobe]` that is among the query's `found`.
  private func recall(_ found: [UInt32], _ nearest: [UInt32], of count: Int) -> Double {
    let each = nearest.count / count
    var hits = 0
    for first in stride(from: 0, to: nearest.count, by: each) {
      let lists = Set(found[first..<first + each])
      hits += nearest[first..<first + each].count { lists.contains($0) }
    }
    return Double(hits) / Double(nearest.count)
  }

  /// Rows of a 32-bit dimension and as many components, bytes or f32.
  private static func readQueries(_ path: String, dimension: Int) throws -> [Float] {
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
    let size = path.hasSuffix(".bvecs") ? 1 : 4
    func word(_ at: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << (8 * $1) } }
    var vectors: [Float] = []
    for row in stride(from: 0, to: bytes.count, by: 4 + size * dimension) {
      precondition(word(row) == dimension, "\(path) has rows of \(word(row)) components, the index \(dimension)")
      for i in 0..<dimension {
        vectors.append(size == 1 ? Float(bytes[row + 4 + i]) : Float(bitPattern: word(row + 4 + 4 * i)))
      }
    }
    return vectors
  }
}
