public import PQFormat
public import PQSearch
package import PQStorage

/// What a file gives to one who opens and searches it.
public enum Outcome: Equatable, Sendable {
  /// Opening or searching found damage.
  case refused(FormatError)
  case results([Neighbor])

  /// A search that visits every list and compares every vector with each query; with stored vectors beside codes, each
  /// vector exactly too.
  init(of queries: [Float], _ open: () throws(IndexError) -> Index) throws(IndexError) {
    do throws(IndexError) {
      let index = try open()
      let p = index.parameters
      let all = Int(clamping: min(p.count + 1, 1 << 16))
      let exact = p.m > 0 && p.vectors != .none
      let options = SearchOptions(k: all, nprobe: max(1, p.nlist), rerank: exact ? all : 0)
      self = .results(try index.search(queries, options).neighbors)
    } catch {
      guard case .format(_, let error) = error else { throw error }
      self = .refused(error)
    }
  }

  /// The same of a file in memory.
  package init(of queries: [Float], in file: MemoryFile) throws(IndexError) {
    try self.init(of: queries) { () throws(IndexError) in try Index(file) }
  }
}

extension Index {
  /// What opening or verifying a file in memory finds.
  package static func problems(in file: MemoryFile, deep: Bool = false) throws(IndexError) -> [FormatError] {
    do throws(IndexError) {
      return try Index(file).verify(deep: deep)
    } catch {
      guard case .format(_, let error) = error else { throw error }
      return [error]
    }
  }
}
