import ArgumentParser
import Foundation
import PQFormat
import PQKernels
import PQSearch

/// What checking costs: a search of all lists when the index has just been opened, and the same search again. The
/// file's pages are resident; its mapping is new each time, so the first pass takes their page faults too.
struct FirstTouch: ParsableCommand {
  @Argument(help: "An index file.")
  var index: String

  @Option
  var rounds = 7

  func run() throws {
    let clock = ContinuousClock()
    // Resident pages, and the largest that one core maps and reads: each byte once.
    let data = try Data(contentsOf: URL(fileURLWithPath: index))
    var (opens, firsts, laters, faults, looks) = ([Double](), [Double](), [Double](), [Double](), [Double]())
    for _ in 0..<rounds {
      var opened: Index?
      opens.append(try seconds(clock) { opened = try Index(path: index) })
      guard let file = opened else { return }
      var searcher = Searcher(file)
      let query = [Float](repeating: 0.25, count: file.parameters.dimension)
      let options = SearchOptions(k: 10, nprobe: max(1, file.parameters.nlist))
      var neighbors: [Neighbor] = []
      func pass() throws -> Double { try seconds(clock) { try searcher.search(query.span, options, into: &neighbors) } }
      firsts.append(try pass())
      // The second one still looks for pages that are not resident.
      _ = try pass()
      for _ in 0..<3 { laters.append(try pass()) }
      faults.append(try touch(clock, data.count))
      looks.append(try look(clock, file))
    }
    func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    let (first, later, fault, look) = (median(firsts), median(laters), median(faults), median(looks))
    print("open \(milliseconds(median(opens))); first pass \(milliseconds(first)), later ones \(milliseconds(later));")
    print("page faults of a new mapping of the whole file \(milliseconds(fault))")
    print("checks: \(percent((first - later - fault) / first)) of the first pass, beside page faults")
    print("after: to see that all is checked takes \(milliseconds(look)), \(percent(look / later)) of a later pass")
  }

  /// Looks at as many bits as a pass does: for each list its page, for each code frame its page and itself.
  private func look(_ clock: ContinuousClock, _ index: Index) throws -> Double {
    let frames = try index.sections().first { $0.name == "codes" || $0.name == "vectors" }?.frames ?? 0
    let bits = AtomicBits(count: index.parameters.listCount + 2 * frames)
    for bit in 0..<bits.count { bits.insert(bit) }
    var found = 0
    let time = seconds(clock) { for bit in 0..<bits.count where bits.contains(bit) { found += 1 } }
    return found == bits.count ? time : .infinity
  }

  /// Maps the file anew and reads a byte of each page.
  private func touch(_ clock: ContinuousClock, _ count: Int) throws -> Double {
    let file = unsafe open(index, O_RDONLY)
    defer { close(file) }
    guard let map = unsafe mmap(nil, count, PROT_READ, MAP_SHARED, file, 0), unsafe map != MAP_FAILED else {
      throw ValidationError("mmap failed")
    }
    defer { unsafe _ = munmap(map, count) }
    var sum = 0
    let time = seconds(clock) {
      // Inside the mapping, of `count` bytes.
      for page in stride(from: 0, to: count, by: 4096) {
        sum += Int(unsafe map.load(fromByteOffset: page, as: UInt8.self))
      }
    }
    return sum < 0 ? 0 : time
  }

  private func seconds(_ clock: ContinuousClock, _ body: () throws -> Void) rethrows -> Double {
    let time = try clock.measure(body)
    return Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
  }

  private func milliseconds(_ time: Double) -> String { String(format: "%.3f ms", time * 1000) }
  private func percent(_ part: Double) -> String { String(format: "%.1f %%", part * 100) }
}
