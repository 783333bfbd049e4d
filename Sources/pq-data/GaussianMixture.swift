import PQKernels
import PQStorage

/// Vectors of a seeded mixture of 1,024 Gaussians, the same on every machine: integer arithmetic alone, in units of
/// 2⁻¹⁶.
///
/// Centres are uniform in the cube [64, 192)^D. A row adds to its cluster's centre, per component, 16 times the sum
/// of twelve uniforms less its mean: nearly normal, standard deviation 16, never beyond ±96. Integer formats hold the
/// values rounded and cut to 0…255, for i8 less 128. Row i depends on the seed and i alone.
struct GaussianMixture: Sendable {
  static let clusters: UInt64 = 1024

  let seed: UInt64
  let dimension: Int
  let type: ComponentType

  /// Fills `rows` `[row][component]` with the rows from `first` on.
  func fill(_ rows: inout [Float], from first: UInt64, threads: Int) {
    var span = rows.mutableSpan
    Threads.fill(&span, stride: dimension, rowsPerPiece: max(1, 65_536 / dimension), threads: threads) { range, part in
      for row in range {
        fill(&part, at: (row - range.lowerBound) * dimension, row: first + UInt64(row))
      }
    }
  }

  private func fill(_ part: inout MutableSpan<Float>, at start: Int, row: UInt64) {
    var noise = SplitMix64(seed: SplitMix64.hash(row, seed: seed))
    let cluster = noise.next() % Self.clusters
    // A seed of its own for the centres: no row shares its sequence with one.
    var centre = SplitMix64(seed: SplitMix64.hash(cluster, seed: ~seed))
    for i in start..<start + dimension {
      // 64 and 23 bits of fraction of 128, then the noise.
      let value = 64 << 16 + Int32(truncatingIfNeeded: centre.next() >> 41) + 16 * Self.normal(&noise)
      part[i] =
        switch type {
        case .f32, .f16: Float(value) * 0x1p-16
        case .u8: Float(min(max((value + 0x8000) >> 16, 0), 255))
        case .i8: Float(min(max((value + 0x8000) >> 16, 0), 255) - 128)
        }
    }
  }

  /// The sum of twelve 16-bit uniforms, less its mean: standard deviation 65,536.
  @inline(__always)
  private static func normal(_ noise: inout SplitMix64) -> Int32 {
    var pairs: UInt64 = 0
    for _ in 0..<3 {
      let bits = noise.next()
      // Two sums of two uniforms each, in the halves of a word.
      pairs += bits & 0x0000_FFFF_0000_FFFF + (bits >> 16) & 0x0000_FFFF_0000_FFFF
    }
    return Int32(truncatingIfNeeded: pairs & 0xFFFF_FFFF + pairs >> 32) - 6 * 65_535
  }
}
