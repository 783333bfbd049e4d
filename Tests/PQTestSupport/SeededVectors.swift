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

  /// Orthonormal axes, but for rounding: one reflection after another, which is not its own inverse.
  public static func axes(dimension: Int, seed: UInt64) -> [[Float]] {
    let (one, other) = (reflection(dimension, seed: seed), reflection(dimension, seed: seed + 1_000_000))
    return one.map { row in
      row.indices.map { j in Float(row.indices.reduce(0) { $0 + row[$1] * other[$1][j] }) }
    }
  }

  private static func reflection(_ dimension: Int, seed: UInt64) -> [[Double]] {
    let normal = floats(rows: 1, dimension: dimension, seed: seed)[0].map(Double.init)
    let norm = normal.reduce(0) { $0 + $1 * $1 }
    return normal.indices.map { i in normal.indices.map { j in (i == j ? 1 : 0) - 2 * normal[i] * normal[j] / norm } }
  }

  /// Knuth's 64-bit linear congruential generator, its upper half.
  private static func next(_ state: inout UInt64) -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 32
  }
}
