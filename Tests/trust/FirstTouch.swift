import ArgumentParser
import Foundation
import PQFormat
import PQKernels
import PQSearch
import PQStorage

/// What checking costs: a search when the index has just been opened, and the same search again. The file's pages are
/// resident; its mapping is new each time, so the first pass takes their page faults too.
///
/// Openings take turns: as users have them; without asking the kernel for pages; and so without checks too.
struct FirstTouch: ParsableCommand {
  @Argument(help: "An index file.")
  var index: String

  @Argument(help: "A vector file: each round takes its next row as the query.")
  var queries: String

  @Option(help: "Lists that a search visits; all without this.")
  var nprobe: Int?

  @Option(help: "At least 3.")
  var rounds = 9

  private enum Opening: CaseIterable { case usual, withoutAsking, withoutChecks }

  func run() throws {
    guard rounds >= Opening.allCases.count else { throw ValidationError("--rounds \(rounds): at least 3") }
    // Resident pages.
    let data = try Data(contentsOf: URL(fileURLWithPath: index))
    var reader = try VectorReader(path: queries)
    var query: [Float] = []
    var firsts = [Opening: [Double]]()
    var (opens, laters, faults, looks) = ([Double](), [Double](), [Double](), [Double]())
    for round in 0..<rounds {
      guard try reader.read(maxRows: 1, into: &query) == 1 else { throw ValidationError("too few queries") }
      // None is always the first, which finds the caches as the round before left them.
      for turn in 0..<Opening.allCases.count {
        let opening = Opening.allCases[(turn + round) % Opening.allCases.count]
        let start = ContinuousClock.now
        let file = try Index(path: index)
        opens.append(seconds(since: start))
        var searcher = Searcher(file)
        if opening != .usual { searcher.assumesResidence() }
        if opening == .withoutChecks { try file.assumesSoundness() }
        firsts[opening, default: []].append(try pass(&searcher, file, query))
        // The second one still looks for pages that are not resident.
        _ = try pass(&searcher, file, query)
        // The same of each opening, so that each leaves the same to the next one.
        let (later, looking) = (try (0..<3).map { _ in try pass(&searcher, file, query) }, try look(file))
        if opening == .usual {
          laters += later
          looks.append(looking)
        }
      }
      faults.append(try touch(data.count))
    }
    func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    func first(_ opening: Opening) -> Double { median(firsts[opening] ?? []) }
    let (usual, later, look) = (first(.usual), median(laters), median(looks))
    // Of each round, whose openings follow each other, so that what slows all of them does not count; and the mean of the
    // three orders, so that what the one before left in the caches does not.
    func difference(_ opening: Opening, _ other: Opening) -> Double {
      let differences = zip(firsts[opening] ?? [], firsts[other] ?? []).map { $0 - $1 }
      let orders = Opening.allCases.indices.map { order in
        stride(from: order, to: rounds, by: Opening.allCases.count).map { differences[$0] }
      }
      return orders.map(median).reduce(0, +) / Double(orders.count)
    }
    let (asking, checks) = (difference(.usual, .withoutAsking), difference(.withoutAsking, .withoutChecks))
    print("open \(milliseconds(median(opens))); first pass \(milliseconds(usual)), later ones \(milliseconds(later))")
    print("of the first pass, checks of checksums and content \(milliseconds(checks)), \(percent(checks / usual));")
    print("asking the kernel for pages \(milliseconds(asking)), \(percent(asking / usual));")
    let rest = first(.withoutChecks) - later
    print("page faults and what a searcher does once \(milliseconds(rest)), \(percent(rest / usual))")
    print("page faults alone of a new mapping of the whole file \(milliseconds(median(faults)))")
    print("after: to see that all is checked takes \(milliseconds(look)), \(percent(look / later)) of a later pass")
  }

  private func pass(_ searcher: inout Searcher, _ index: Index, _ query: [Float]) throws -> Double {
    let options = SearchOptions(k: 10, nprobe: nprobe ?? max(1, index.parameters.nlist))
    var neighbors: [Neighbor] = []
    let start = ContinuousClock.now
    try searcher.search(query.span, options, into: &neighbors)
    return seconds(since: start)
  }

  /// Looks as often as a later pass does: for each frame of codes or rows at its bit, and, unless the directory's pages are all
  /// checked, for its list and itself at the bits of theirs.
  private func look(_ index: Index) throws -> Double {
    let lists = index.parameters.listCount
    let visited = min(nprobe ?? lists, lists)
    let all = try index.sections().first { $0.name == "codes" || $0.name == "vectors" }?.frames ?? 0
    let frames = all * visited / lists
    let bits = AtomicBits(count: visited < lists ? visited + 2 * frames : frames)
    bits.insertAll()
    let start = ContinuousClock.now
    var found = 0
    for bit in 0..<bits.count where bits.contains(bit) { found += 1 }
    let time = seconds(since: start)
    return found == bits.count ? time : .infinity
  }

  /// Maps the file anew and reads a byte of each page.
  private func touch(_ count: Int) throws -> Double {
    let file = unsafe open(index, O_RDONLY)
    defer { close(file) }
    guard let map = unsafe mmap(nil, count, PROT_READ, MAP_SHARED, file, 0), unsafe map != MAP_FAILED else {
      throw ValidationError("mmap failed")
    }
    defer { unsafe _ = munmap(map, count) }
    var sum = 0
    let start = ContinuousClock.now
    // Inside the mapping, of `count` bytes.
    for page in stride(from: 0, to: count, by: 4096) {
      sum += Int(unsafe map.load(fromByteOffset: page, as: UInt8.self))
    }
    let time = seconds(since: start)
    return sum < 0 ? 0 : time
  }

  private func seconds(since start: ContinuousClock.Instant) -> Double {
    let time = (ContinuousClock.now - start).components
    return Double(time.seconds) + Double(time.attoseconds) * 1e-18
  }

  private func milliseconds(_ time: Double) -> String { String(format: "%.3f ms", time * 1000) }
  private func percent(_ part: Double) -> String { String(format: "%.1f %%", part * 100) }
}
