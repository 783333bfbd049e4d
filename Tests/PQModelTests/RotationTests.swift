import PQKernels
import PQModel
import PQTestSupport
import Testing

@Suite struct RotationOfPointsTests {
  /// Points with components of very different variances, in directions that are none of the axes.
  private func points(_ count: Int, variances: [Float], seed: UInt64) -> [Float] {
    let d = variances.count
    let axes = SeededVectors.axes(dimension: d, seed: 1)
    return SeededVectors.floats(rows: count, dimension: d, seed: seed).flatMap { row in
      OracleMath.rotated(zip(row, variances).map { $0 * $1.squareRoot() + 3 }, axes)
    }
  }

  private func variance(_ values: [Float]) -> Double {
    let mean = values.reduce(0) { $0 + Double($1) } / Double(values.count)
    return values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(values.count)
  }

  /// Axes are orthonormal, each subspace gets axes of large and of small variance, and rotated components do not depend on
  /// each other.
  @Test(arguments: [1, 2, 7]) func balances(threads: Int) {
    let variances: [Float] = [64, 1, 32, 2, 16, 4, 8, 8]
    let before = points(4000, variances: variances, seed: 2)
    let rotation = Rotation(of: before.span, dimension: 8, m: 4, threads: threads) {}
    var axes: [Float] = []
    LaneBlocks.appendRows(8, of: rotation.blocks.span, dimension: 8, to: &axes)
    for a in 0..<8 {
      for b in 0...a {
        let product = (0..<8).reduce(0) { $0 + Double(axes[8 * a + $1]) * Double(axes[8 * b + $1]) }
        #expect(abs(product - (a == b ? 1 : 0)) < 1e-5)
      }
    }
    var rows = before
    rotation.rotate(&rows, threads: threads)
    for i in [0, 17, 3999] {
      let expected = OracleMath.rotated(
        Array(before[8 * i..<8 * i + 8]), (0..<8).map { Array(axes[8 * $0..<8 * $0 + 8]) })
      #expect(Array(rows[8 * i..<8 * i + 8]) == expected)
    }
    let columns = (0..<8).map { c in stride(from: c, to: rows.count, by: 8).map { rows[$0] } }
    let found = columns.map(variance)
    // Uniform values from −1 up to 1 have a variance of a third.
    #expect(abs(found.reduce(0, +) - 45) < 2)
    for s in 0..<4 {
      let product = found[2 * s] * found[2 * s + 1]
      #expect((5...10).contains(product), "subspace \(s): \(product)")
    }
    for a in 0..<8 {
      for b in 0..<a {
        let (sum, difference) = (
          zip(columns[a], columns[b]).map { $0 + $1 }, zip(columns[a], columns[b]).map { $0 - $1 }
        )
        let covariance = (variance(sum) - variance(difference)) / 4
        #expect(abs(covariance) < 0.1 * (found[a] * found[b]).squareRoot(), "components \(a) and \(b)")
      }
    }
  }

  /// One direction of large variance does not hide the others, nor do large or small values all of them.
  @Test(arguments: [Float(1), 0x1p-100, 0x1p50]) func longSpectrum(scale: Float) {
    let variances: [Float] = [4e5, 64, 16, 4, 1, 0.25]
    let points = points(4000, variances: variances, seed: 4).map { $0 * scale }
    var rows = points
    Rotation(of: points.span, dimension: 6, m: 6, threads: 1) {}.rotate(&rows, threads: 1)
    let found = (0..<6).map { c in
      variance(stride(from: c, to: rows.count, by: 6).map { rows[$0] / scale })
    }
    for (variance, expected) in zip(found.sorted(by: >), variances) {
      #expect(abs(variance / (Double(expected) / 3) - 1) < 0.2, "\(found)")
    }
  }

  /// Fewer points than components, several pieces of work.
  @Test func sameForAnyThreads() {
    let points = SeededVectors.floats(rows: 50, dimension: 70, seed: 5).flatMap { $0 }
    let rotation = Rotation(of: points.span, dimension: 70, m: 7, threads: 1) {}
    for threads in [2, 7] { #expect(Rotation(of: points.span, dimension: 70, m: 7, threads: threads) {} == rotation) }
  }

  /// In lane blocks, of centroids, it is the same.
  @Test func blocks() {
    let rows = points(21, variances: [1, 2, 3, 4, 5], seed: 3)
    let rotation = Rotation(of: rows.span, dimension: 5, m: 5, threads: 1) {}
    var rotated = rows
    rotation.rotate(&rotated, threads: 1)
    #expect(
      rotation.rotated(LaneBlocks.pack(rows.span, dimension: 5), count: 21, threads: 3)
        == LaneBlocks.pack(rotated.span, dimension: 5))
  }
}
