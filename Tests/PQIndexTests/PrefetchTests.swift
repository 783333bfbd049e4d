import Testing

@testable import PQSearch

/// Which queries look for frames, by the pages that the searcher waits for.
@Suite struct PrefetchTests {
  /// Begins queries, each of which waits for `faults` pages unless it asks for all; returns which looked and which asked
  /// for all.
  private func run(
    _ prefetch: inout Prefetch, _ queries: Int, faults: Int, left: inout Int, counted: inout Int
  ) -> (looks: [Bool], all: [Bool]) {
    var total = counted
    var (looks, all): ([Bool], [Bool]) = ([], [])
    for _ in 0..<queries {
      prefetch.beginQuery(left: &left) { total }
      all.append(prefetch.asksForAll)
      looks.append(prefetch.isActive)
      if !prefetch.asksForAll { total += faults }
    }
    counted = total
    return (looks, all)
  }

  /// Where nothing is found and nothing missed, ever fewer queries look, at last one in 64. What the thread waited for before
  /// does not count.
  @Test func looksEverMoreRarely() {
    var (prefetch, left, counted) = (Prefetch(), 0, 1000)
    let (looks, all) = run(&prefetch, 1000, faults: 0, left: &left, counted: &counted)
    #expect(!all.contains(true) && left == 0)
    let places = looks.indices.filter { looks[$0] }
    #expect(places.prefix(4) == [0, 2, 6, 14])
    #expect(zip(places, places.dropFirst()).map { $1 - $0 }.max() == 64)
    #expect(places.count < 22)
  }

  /// Pages that are missed by queries that look have all be asked for, by 64 queries, then 128, at most 1,024, where nobody
  /// says what is gone; when nothing is missed any more it is over.
  @Test func asksForAllWhilePagesAreLost() {
    var (prefetch, left, counted) = (Prefetch(), 0, 0)
    var all = run(&prefetch, 5000, faults: 1, left: &left, counted: &counted).all
    var spells: [Int] = []
    for (i, asks) in all.enumerated() where asks {
      if i == 0 || !all[i - 1] { spells.append(0) }
      spells[spells.count - 1] += 1
    }
    #expect(spells.prefix(6) == [64, 128, 256, 512, 1024, 1024])
    let first = all.firstIndex(of: true) ?? .max
    #expect(first <= 5)
    #expect(all[first...].count { !$0 } <= 13 * spells.count)
    let (looks, later) = run(&prefetch, 2000, faults: 0, left: &left, counted: &counted)
    all = later
    #expect(left == 0 && all.suffix(900).allSatisfy { !$0 })
    #expect(looks.suffix(640).count { $0 } == 10)
  }

  /// A searcher of one query counts as any: what others found gone has it ask, and it is one of those that ask.
  @Test func shortLivedSearchersShareWhatIsLeft() {
    var (left, counted) = (64, 0)
    for i in 0..<100 {
      var prefetch = Prefetch()
      #expect(run(&prefetch, 1, faults: 0, left: &left, counted: &counted).all == [i < 64])
      #expect(left == max(0, 63 - i))
    }
    left = 64
    var stopped = Prefetch()
    stopped.stop()
    let (looks, all) = run(&stopped, 100, faults: 1, left: &left, counted: &counted)
    #expect(!all.contains(true) && !looks.contains(true) && left == 64)
  }

  /// A page that is missed once, as where something is used for the first time, has three queries look, and no more.
  @Test func oneFaultIsLookedInto() {
    var (prefetch, left, counted) = (Prefetch(), 0, 0)
    _ = run(&prefetch, 500, faults: 0, left: &left, counted: &counted)
    counted += 3
    let (looks, all) = run(&prefetch, 40, faults: 0, left: &left, counted: &counted)
    #expect(!all.contains(true) && left == 0)
    #expect((3...5).contains(looks.count { $0 }))
  }
}
