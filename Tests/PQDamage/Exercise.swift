internal import PQFormat
package import PQSearch
package import PQStorage

/// Everything that a program can do with an index file, whatever it holds: results do not matter, only that each call
/// returns or throws an error of its kind.
public enum Exercise {
  /// - Parameters:
  ///   - file: of any bytes.
  ///   - queries: components from which queries of the index's dimension are made.
  ///   - random: chooses the search's options.
  /// - Returns: whether the file opened, and whether a search gave results.
  @discardableResult
  package static func run(
    _ file: MemoryFile, queries: [Float], random: UInt64
  ) -> (opened: Bool, searched: Bool) {
    guard let index = try? Index(file) else { return (false, false) }
    return (true, run(index, queries: queries, random: random))
  }

  /// The same of an index that is open.
  /// - Returns: whether a search gave results.
  package static func run(_ index: Index, queries: [Float], random: UInt64) -> Bool {
    let p = index.parameters
    let options = SearchOptions(
      k: 1 + Int(random % 64), nprobe: random >> 6 & 1 == 0 ? nil : 1 + Int(random >> 7 & 15),
      rerank: p.m > 0 && p.vectors != .none ? Int(random >> 11 & 63) : 0)
    let searched = (try? index.search(query(queries, p.dimension), options)) != nil
    _ = index.verify(deep: random >> 17 & 3 != 0)
    if random >> 19 & 3 == 0 { inspect(index) }
    return searched
  }

  private static func query(_ components: [Float], _ dimension: Int) -> [Float] {
    guard !components.isEmpty else { return [Float](repeating: 0, count: dimension) }
    return (0..<dimension).map { components[$0 % components.count] }
  }

  private static func inspect(_ index: Index) {
    _ = try? index.sections()
    _ = try? index.listSizes()
    _ = try? index.codeEntropy()
    _ = try? index.metadata()
    for list in 0..<min(3, index.parameters.listCount) { _ = try? index.listContents(list, limit: 64) }
    for name in index.sectionNames {
      if let range = index.sectionRange(name) { _ = try? index.fileBytes(at: range.lowerBound, count: 64) }
    }
  }
}
