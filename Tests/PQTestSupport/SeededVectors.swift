/// Reproducible random vectors `[row][component]`, made without the code under test.
public enum SeededVectors {
  /// Components from −1 up to 1.
  public static func floats(rows: Int, dimension: Int, seed: UInt64) -> [[Float]] {
    var state = seed
    return (0..<rows).map { _ in (0..<dimension).map { _ in Float(Int32(truncatingIfNeeded: next(&state))) * 0x1p-31 } }
  }

  /// Components from 0 up to `limit`.
  public static func bytes(rows: Int, dimension: Int, limit: UInt8 = 255, seed: UInt64) -> [[UInt8]] {
    var state = seed
    return (0..<rows).map { _ in
      (0..<dimension).map { _ in UInt8(next(&state) % (UInt64(limit) + 1)) }
    }
  }

  /// Knuth's 64-bit linear congruential generator, its upper half.
  private static func next(_ state: inout UInt64) -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 32
  }
}
