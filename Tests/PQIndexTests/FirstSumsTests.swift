import PQFormat
import PQKernels
import Testing

@testable import PQSearch

/// What the sums of several frames say together, on one scale: as much as each frame's own bound says of its own, and no more.
@Suite struct FirstSumsTests {
  private static let step: Float = 0.7

  /// Frames whose bounds begin at places that are no whole steps apart.
  private func frames() throws -> FirstSums {
    var first = FirstSums()
    first.removeAll()
    for (list, key) in [Float(10.25), 3.1, 0, 77.7, 300].enumerated() {
      let frame = FrameView(
        kind: .codes, list: list, index: 0, number: list, count: 64, rawLength: 256,
        entry: FrameEntry(offset: 0, length: 256, crc: 0))
      let bound = CodeBound(TableRange(minimum: -3, magnitude: 0, step: Self.step), base: key, m: 4)
      first.append(CodeVisit(frame: frame, key: key, rounding: 0, bound: bound))
    }
    let isOneScale = first.setOffsets()
    try #require(isOneScale)
    return first
  }

  @Test func noKeyIsAboveTheUpper() throws {
    let first = try frames()
    #expect(first.upper(0) < first.upper(1))
    for limit: UInt16 in stride(from: 0, to: 1000, by: 7) {
      let upper = first.upper(limit)
      for visit in first.visits where visit.offset <= limit {
        #expect(visit.bound.upper(limit - visit.offset) <= upper)
      }
    }
  }

  @Test func noCodeIsLeftOut() throws {
    let first = try frames()
    for visit in first.visits {
      for sum: UInt16 in 0..<1000 {
        // The least key that a code with this sum may have, or a little more, so that f32 holds it.
        let key = Float(visit.bound.lower + Double(Self.step) * Double(sum)).nextUp
        guard let threshold = first.threshold(key, visit) else {
          Issue.record("nothing may have the key \(key)")
          continue
        }
        #expect(sum + visit.offset <= threshold)
      }
    }
  }
}
