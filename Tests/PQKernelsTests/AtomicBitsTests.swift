import Foundation
import PQKernels
import Testing

@Suite struct AtomicBitsTests {
  /// Bits that several threads set, some of them twice: each stays set, and the last one makes them full.
  @Test(arguments: [1, 63, 64, 65, 1000]) func full(count: Int) {
    let bits = AtomicBits(count: count)
    var isFull = bits.isFull
    #expect(!isFull)
    DispatchQueue.concurrentPerform(iterations: 4) { turn in
      for bit in stride(from: turn % 2, to: count - 1, by: 2) { bits.insert(bit) }
    }
    for bit in 0..<count {
      let isSet = bits.contains(bit)
      #expect(isSet == (bit < count - 1), "bit \(bit)")
    }
    isFull = bits.isFull
    #expect(!isFull)
    bits.insert(count - 1)
    isFull = bits.isFull
    #expect(isFull)
  }

  @Test func noBits() {
    let bits = AtomicBits(count: 0)
    let isFull = bits.isFull
    #expect(isFull)
  }
}
