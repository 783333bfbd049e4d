public import PQFormat
internal import PQKernels
package import PQStorage

/// A mapped index, open for searching: any number of threads and processes share one copy of the file's pages.
///
/// Opening reads the header, the footer and the section table, and copies nothing. Rotation, centroids, codebooks and lists are
/// checked against their checksums when they are first used.
public final class Index: Sendable {
  let file: IndexFile

  /// How the file's bytes are reached.
  public enum Access: Sendable, CaseIterable {
    /// By mmap(2): nothing is copied, and all processes share the pages. If the file is cut while it is mapped, or its
    /// device fails, the process that touches a lost page gets SIGBUS.
    case mapped
    /// As `mapped`, but such a SIGBUS becomes an error, and the index fails from then on; so it does when the file's
    /// length or time of modification changes. Installs a handler for SIGBUS, which passes on what is not its own to
    /// the one that was there before. A system call, fstat(2), is added to each search.
    case guarded
    /// By pread(2), page by page as they are first used, into memory of this process alone: no mapping of the file and
    /// no signal, but up to the file's length of memory.
    case read

    fileprivate var ofFile: FileAccess {
      switch self {
      case .mapped: .mapped
      case .guarded: .guarded
      case .read: .read
      }
    }
  }

  /// Opens the file at `path`. O(1).
  /// - Parameter access: mapped, mapped with a guard against SIGBUS, or read without a mapping.
  /// - Throws: `.file` if it cannot be opened or mapped, `.format` if it is not a sound index of a known version.
  public init(path: String, access: Access = .mapped) throws(IndexError) {
    file = try IndexFile(path: path, access: access.ofFile)
  }

  /// Opens a file that is in memory. O(1).
  /// - Throws: `.format` if it is not a sound index of a known version.
  package init(_ memory: MemoryFile) throws(IndexError) {
    file = try IndexFile(MappedFile(memory, path: "memory"))
  }

  /// Switches the checks of what has not been used yet off, to measure what they cost; never for a file of others.
  package func assumesSoundness() throws(IndexError) {
    do throws(FormatError) { try file.assumesSoundness() } catch { throw .format(path: path, error) }
  }

  public var path: String { file.map.path }
  /// n, dimension, nlist, m, nbits, metric and the rest of what the file's header says.
  public var parameters: IndexParameters { file.parameters }
  /// The length of the file in bytes.
  public var fileBytes: Int { file.map.count }
  /// A digest of the file's content: equal for equal builds.
  public var fileID: UInt64 { file.header.fileID }

  /// The best neighbours of each query, best first, ties by lower id.
  ///
  /// Queries that are near each other are searched one after the other, so that they find the lists that they share in the
  /// cache: a few large batches are faster than many small ones. For one query at a time without allocation, use
  /// a ``Searcher``.
  /// - Parameters:
  ///   - queries: `[query][dimension]`.
  ///   - threads: how many threads share the queries, 1...1024; the calling one is among them.
  /// - Returns: per query at most `options.k` neighbours; the same for any number of threads.
  /// - Throws: the error of a query that has one. The lists of some queries are chosen before the first is searched, so that
  ///   of several errors it need not be that of the first query.
  /// - Complexity: per query O(nlist · D + 2^nbits · D + codes of the visited lists · m + candidates to re-rank · D),
  ///   and D² with a rotation; the second term, which makes tables, for each visited list where residual l2 codes have no brackets.
  public func search(
    _ queries: [Float], _ options: SearchOptions = SearchOptions(), threads: Int = 1
  ) throws(IndexError) -> SearchResults {
    guard Threads.range.contains(threads) else {
      throw .usage("threads is \(threads); use \(Threads.range.lowerBound) to \(Threads.range.upperBound)")
    }
    let count = try file.count(of: queries.span)
    try file.check(options)
    let order = file.order(of: queries, options, threads: threads)
    // Several pieces a thread, so that none waits long for the last; a piece has one scratch for its queries.
    let pieces = min(count, threads == 1 ? 1 : 8 * threads)
    let parts = Threads.map(count: pieces, threads: threads) { piece -> Result<SearchResults, IndexError> in
      Result { () throws(IndexError) in
        var searcher = Searcher(self)
        var part = SearchResults()
        let places = piece * count / pieces..<(piece + 1) * count / pieces
        try searcher.search(queries.span, order.part(places), options, into: &part)
        return part
      }
    }
    var results = SearchResults()
    results.append(try parts.map { (part) throws(IndexError) in try part.get() }, of: order)
    return results
  }
}

/// The neighbours of a batch of queries.
public struct SearchResults: Sendable {
  /// Of all queries, one after another.
  public internal(set) var neighbors: [Neighbor] = []
  /// Where each query's neighbours end.
  var ends: [Int] = []
  public internal(set) var statistics = SearchStatistics()

  /// The number of queries.
  public var count: Int { ends.count }

  /// The neighbours of one query, best first.
  public subscript(_ query: Int) -> ArraySlice<Neighbor> {
    neighbors[(query == 0 ? 0 : ends[query - 1])..<ends[query]]
  }

  public init() {}

  /// Makes this an empty batch, and keeps its memory.
  public mutating func removeAll() {
    neighbors.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    statistics = SearchStatistics()
  }

  /// Appends the queries of an order, of which `parts` have the results one after another, by their numbers.
  mutating func append(_ parts: [SearchResults], of order: QueryOrder) {
    guard !order.isByNumber else { return parts.forEach { append($0) } }
    var found = [(part: Int, query: Int)](repeating: (0, 0), count: order.places.count)
    var place = 0
    for part in parts.indices {
      for query in 0..<parts[part].count {
        found[order[place]] = (part, query)
        place += 1
      }
      statistics += parts[part].statistics
    }
    neighbors.reserveCapacity(neighbors.count + parts.reduce(0) { $0 + $1.neighbors.count })
    ends.reserveCapacity(ends.count + found.count)
    for (part, query) in found {
      neighbors += parts[part][query]
      ends.append(neighbors.count)
    }
  }

  /// Appends the queries of another batch.
  public mutating func append(_ other: SearchResults) {
    let offset = neighbors.count
    neighbors += other.neighbors
    ends += other.ends.map { $0 + offset }
    statistics += other.statistics
  }
}
