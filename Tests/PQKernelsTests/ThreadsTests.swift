import PQKernels
import Synchronization
import Testing

@Suite struct ThreadsTests {
  private final class Counter: Sendable {
    let value = Atomic(0)
  }

  @Test(arguments: [1, 2, 8]) func everyPieceRunsOnce(threads: Int) {
    for pieces in [-1, 0, 1, 2, 7, 8, 9, 1000] {
      let calls = (0..<max(0, pieces)).map { _ in Counter() }
      Threads.run(pieces: pieces, threads: threads) { calls[$0].value.wrappingAdd(1, ordering: .relaxed) }
      let areOnes = calls.allSatisfy { $0.value.load(ordering: .relaxed) == 1 }
      #expect(areOnes, "\(pieces) pieces")
    }
  }

  @Test(arguments: [1, 2, 8]) func fillWritesEveryRowFromItsPiece(threads: Int) {
    for rows in [0, 1, 9, 10, 11, 100] {
      for stride in [1, 3] {
        var output = [Int](repeating: -1, count: rows * stride)
        var span = output.mutableSpan
        Threads.fill(&span, stride: stride, rowsPerPiece: 10, threads: threads) { range, part in
          for i in part.indices { part[i] = (range.lowerBound * stride + i) * 1000 + range.count }
        }
        let expected = (0..<rows * stride).map { $0 * 1000 + min(10, rows - $0 / stride / 10 * 10) }
        #expect(output == expected, "\(rows) rows of \(stride)")
      }
    }
  }

  /// Helpers take numbers that the caller gives, until it says that there are no more; the sum is that of all.
  @Test(arguments: [0, 1, 7]) func helpersShareAMonitor(helpers: Int) {
    struct State {
      var given: [Int] = []
      var sum = 0
      var hasEnded = false
    }
    let shared = Monitor(State())
    @Sendable func addAll(_ shared: borrowing Monitor<State>) {
      while let number = shared.when({ !$0.given.isEmpty || $0.hasEnded }, { $0.given.popLast() }) {
        shared.change { $0.sum += number }
      }
    }
    Threads.helped(by: helpers, { addAll(shared) }) {
      for number in 1...1000 { shared.change { $0.given.append(number) } }
      shared.change { $0.hasEnded = true }
      addAll(shared)
    }
    let found = shared.change { $0.sum }
    #expect(found == 1000 * 1001 / 2)
  }

  @Test func helpersHaveEndedWhenTheCallerThrows() {
    struct Failure: Error {}
    let running = Monitor(3)
    #expect(throws: Failure.self) {
      try Threads.helped(by: 3, { running.change { $0 -= 1 } }) { () throws(Failure) in throw Failure() }
    }
    let left = running.change { $0 }
    #expect(left == 0)
  }
}

@Suite struct SplitMix64Tests {
  @Test func sequencesAreThePublishedOnes() {
    var random = SplitMix64(seed: 1_234_567)
    let found = (0..<5).map { _ in random.next() }
    #expect(
      found == [
        6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431,
        16_408_922_859_458_223_821,
      ])
    var zero = SplitMix64(seed: 0)
    #expect(zero.next() == 0xE220_A839_7B1D_CDAF)
  }

  @Test func hashesOfOneSeedAreDistinct() {
    let hashes = (0..<10_000).map { SplitMix64.hash($0, seed: 1) }
    #expect(Set(hashes).count == hashes.count)
    #expect(SplitMix64.hash(5, seed: 1) != SplitMix64.hash(5, seed: 2))
  }
}
