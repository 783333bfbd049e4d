import Testing

@testable import PQSearch

/// What a searcher asks the kernel for, by the pages that it waits for.
@Suite struct PrefetchTests {
  /// Begins queries, each of which waits for `faults` pages unless it asks for all; returns which looked and which asked
  /// for all.
  private func run(
    _ prefetch: inout Prefetch, _ queries: Int, faults: Int, evicts: inout Bool, counted: inout Int, looks: inout [Bool]
  ) -> [Bool] {
    var total = counted
    var all: [Bool] = []
    for _ in 0..<queries {
      prefetch.beginQuery(evicts: &evicts) { total }
      all.append(prefetch.asksForAll)
      looks.append(prefetch.isActive)
      if !prefetch.asksForAll { total += faults }
    }
    counted = total
    return all
  }

  /// Where nothing is found and nothing missed, ever fewer queries look, at last one in 64.
  @Test func looksEverMoreRarely() {
    var (prefetch, evicts, counted, looks) = (Prefetch(), false, 0, [Bool]())
    let all = run(&prefetch, 1000, faults: 0, evicts: &evicts, counted: &counted, looks: &looks)
    #expect(!all.contains(true) && !evicts)
    let places = looks.indices.filter { looks[$0] }
    #expect(places.prefix(4) == [0, 2, 6, 14])
    #expect(zip(places, places.dropFirst()).map { $1 - $0 }.max() == 64)
    #expect(places.count < 22)
  }

  /// Pages that are missed by queries that look have all be asked for, for 64 queries, then 128, at most 1,024, where nobody
  /// says what is gone; when nothing is missed any more it is over.
  @Test func asksForAllWhilePagesAreLost() {
    var (prefetch, evicts, counted, looks) = (Prefetch(), false, 0, [Bool]())
    var all = run(&prefetch, 5000, faults: 1, evicts: &evicts, counted: &counted, looks: &looks)
    var spells: [Int] = []
    for (i, asks) in all.enumerated() where asks {
      if i == 0 || !all[i - 1] { spells.append(0) }
      spells[spells.count - 1] += 1
    }
    #expect(spells.prefix(6) == [64, 128, 256, 512, 1024, 1024])
    let first = all.firstIndex(of: true) ?? .max
    #expect(first <= 5)
    #expect(all[first...].count { !$0 } <= 13 * spells.count)
    all = run(&prefetch, 2000, faults: 0, evicts: &evicts, counted: &counted, looks: &looks)
    #expect(!evicts && all.suffix(900).allSatisfy { !$0 })
    #expect(looks.suffix(640).count { $0 } == 10)
  }

  /// As long as something is found gone a searcher goes on.
  @Test func goesOnWhileSomethingIsGone() {
    var (prefetch, evicts, counted, looks) = (Prefetch(), true, 0, [Bool]())
    for _ in 0..<100 {
      let all = run(&prefetch, 63, faults: 1, evicts: &evicts, counted: &counted, looks: &looks)
      #expect(all.allSatisfy { $0 } && evicts)
      prefetch.isGone = true
    }
    let all = run(&prefetch, 70, faults: 0, evicts: &evicts, counted: &counted, looks: &looks)
    #expect(all.prefix(64).allSatisfy { $0 } && !all.suffix(6).contains(true) && !evicts)
  }

  /// A page that is missed once, as where something is used for the first time, has three queries look, and no more.
  @Test func oneFaultIsLookedInto() {
    var (prefetch, evicts, counted, looks) = (Prefetch(), false, 0, [Bool]())
    _ = run(&prefetch, 500, faults: 0, evicts: &evicts, counted: &counted, looks: &looks)
    counted += 3
    looks = []
    let all = run(&prefetch, 64, faults: 0, evicts: &evicts, counted: &counted, looks: &looks)
    #expect(!all.contains(true) && !evicts && looks.count { $0 } >= 3)
  }

  /// What one searcher finds out another begins with; one that is stopped asks for nothing.
  @Test func isShared() {
    var (evicts, counted, looks) = (true, 0, [Bool]())
    var prefetch = Prefetch()
    let all = run(&prefetch, 100, faults: 0, evicts: &evicts, counted: &counted, looks: &looks)
    #expect(all.prefix(64).allSatisfy { $0 } && !all.suffix(36).contains(true) && !evicts)
    evicts = true
    var stopped = Prefetch()
    stopped.stop()
    looks = []
    #expect(!run(&stopped, 100, faults: 1, evicts: &evicts, counted: &counted, looks: &looks).contains(true))
    #expect(!looks.contains(true))
  }
}
