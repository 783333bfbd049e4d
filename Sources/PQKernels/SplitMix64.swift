/// A seeded sequence of 64-bit numbers that can be entered anywhere (Steele, Lea, Flood: "Fast splittable
/// pseudorandom number generators", 2014). The same on every machine; not for secrets.
package struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Self.mix(state)
  }

  /// A bijection that spreads every input bit over all output bits.
  @inline(__always)
  package static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A hash of `value` under `seed`; distinct values have distinct hashes.
  @inline(__always)
  package static func hash(_ value: UInt64, seed: UInt64) -> UInt64 {
    mix(value &+ mix(seed &+ 0x9E37_79B9_7F4A_7C15))
  }
}
