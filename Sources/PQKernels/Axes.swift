internal import CPQKernels

/// Axes on which vectors are projected, such that projections are no farther apart than the vectors.
package struct Axes: Sendable {
  package let dimension: Int
  package let rank: Int
  /// What is subtracted from a vector first; zeros up to a multiple of 8.
  fileprivate let mean: [Float]
  fileprivate let blocks: [Float]

  /// Components of a projection: a coordinate on each axis, and the length of the rest.
  package var projected: Int { rank + 1 }

  /// Shortens the `rows` `[axis][component]` until they lengthen no vector. O(rank² · dimension).
  /// - Parameter mean: `[component]`, at least one.
  /// - Precondition: finite rows, at most 1,024.
  package init(rows: [Float], mean: [Float]) {
    dimension = mean.count
    rank = rows.count / dimension
    precondition(rank <= 1024, "more axes than rounding allows")
    self.mean = mean + [Float](repeating: 0, count: (8 - dimension % 8) % 8)
    // No vector is lengthened by more than the root of the largest sum of a row of the axes' products. Rounding of what
    // is stored lengthens by at most √rank · 2^-24.
    let largest = Self.largestRowSum(rows, dimension)
    let factor = largest > 0 ? (1 - 0x1p-18) / largest.squareRoot() : 0
    let shortened = rows.map { Float(Double($0) * factor) }
    blocks = LaneBlocks.pack(shortened.span, dimension: dimension)
  }

  private static func largestRowSum(_ rows: [Float], _ dimension: Int) -> Double {
    var largest = 0.0
    for a in stride(from: 0, to: rows.count, by: dimension) {
      var sum = 0.0
      for b in stride(from: 0, to: rows.count, by: dimension) {
        var product = 0.0
        for c in 0..<dimension { product += Double(rows[a + c]) * Double(rows[b + c]) }
        sum += abs(product)
      }
      largest = max(largest, sum)
    }
    return largest
  }
}

extension Kernels {
  /// Projects a vector `[component]`: its coordinate on each axis, less those of the mean, and the length of the rest.
  /// Returns how far that is at most from the projection without rounding; infinite if it overflows. O(rank · dimension).
  /// - Precondition: this set rounds lists.
  package func project(_ vector: Span<Float>, on axes: Axes, into output: inout MutableSpan<Float>) -> Double {
    precondition(roundsLists, "a set that rounds no lists")
    precondition(
      vector.count == axes.dimension && output.count == axes.projected, "not a vector, or no room for its projection")
    return unsafe vector.withUnsafeBufferPointer { vector in
      unsafe output.withUnsafeMutableBufferPointer { output in
        unsafe axes.mean.withUnsafeBufferPointer { mean in
          unsafe axes.blocks.withUnsafeBufferPointer { blocks in
            unsafe table.pointee.project(
              vector.baseAddress, axes.dimension, mean.baseAddress, blocks.baseAddress, axes.rank, output.baseAddress)
          }
        }
      }
    }
  }
}
