import PQFormat
import PQKernels
import Testing

@Suite struct IDFrameTests {
  /// Checks that `ids` come back, all at once and one by one, and returns how many planes they took.
  @discardableResult
  func roundTrip(_ ids: [UInt64]) -> Int {
    var frame: [UInt8] = []
    let planes = IDFrame.append(ids.span, to: &frame)
    #expect(frame.count == planes * ids.count)
    let first = ids.first ?? 0
    var decoded: [UInt64] = []
    IDFrame.decode(frame.rawSpan, planes: planes, count: ids.count, firstID: first, to: &decoded)
    #expect(decoded == ids)
    let single = ids.indices.map {
      IDFrame.id(frame.rawSpan, planes: planes, count: ids.count, firstID: first, at: $0)
    }
    #expect(single == ids)
    return planes
  }

  @Test func planesAreAsFewAsTheGapsAllow() {
    #expect(roundTrip([]) == 0)
    #expect(roundTrip([0]) == 0)
    #expect(roundTrip([.max]) == 0)
    #expect(roundTrip([5, 6]) == 1)
    for planes in 1...8 {
      let gap = UInt64(1) << UInt64(8 * planes - 8)
      #expect(roundTrip([3, 3 + gap]) == planes)
      if planes < 8 {
        #expect(roundTrip([3, 3 + (gap * 255)]) == planes)
      }
    }
    #expect(roundTrip([0, 1 << 63, .max]) == 8)
    #expect(roundTrip([0, .max]) == 8)
  }

  @Test func randomFramesRoundTrip() {
    var random = SplitMix64(seed: 1)
    for shift in stride(from: 63, through: 11, by: -13) {
      var ids: [UInt64] = []
      var id: UInt64 = 5_000_000_000
      while ids.count < 300 {
        ids.append(id)
        let (next, overflow) = id.addingReportingOverflow(1 + random.next() >> UInt64(shift))
        guard !overflow else { break }
        id = next
      }
      roundTrip(ids)
    }
    roundTrip((0..<1024).map { 1 << 32 + 3 * $0 })
  }

  /// An id that does not ascend is named wherever it is, and a sum that leaves 64 bits.
  @Test(arguments: 1...8) func problems(planes: Int) {
    for count in [2, 3, 7, 8, 9, 10, 16, 17, 18, 65] {
      var frame = [UInt8](repeating: 0, count: planes * count)
      // Each difference is 1 in one of the planes.
      for i in 1..<count { frame[(i % planes) * count + i] = 1 }
      func problem(_ frame: [UInt8], firstID: UInt64 = 0) -> String? {
        IDFrame.problem(frame.rawSpan, planes: planes, count: count, firstID: firstID)
      }
      #expect(problem(frame) == nil)
      for i in 1..<count {
        var equal = frame
        equal[(i % planes) * count + i] = 0
        #expect(problem(equal) == "the difference of id \(i) is 0", "\(count) ids")
      }
      var shifted = frame
      shifted[count * (planes - 1)] = 1
      #expect(problem(shifted)?.hasPrefix("the difference of id 0 is") == true)
      let last = (1..<count).reduce(UInt64(0)) { $0 + UInt64(1) << UInt64(8 * ($1 % planes)) }
      #expect(problem(frame, firstID: .max - last) == nil)
      #expect(problem(frame, firstID: .max - last + 1) == "id \(count - 1) is not below 2^64")
    }
    #expect(IDFrame.problem([UInt8]().rawSpan, planes: 0, count: 1, firstID: .max) == nil)
  }

  @Test func exampleOfTheFormat() {
    var frame: [UInt8] = []
    #expect(IDFrame.append([7, 8, 300].span, to: &frame) == 2)
    #expect(frame == [0, 1, 0x24, 0, 0, 1])
  }
}
