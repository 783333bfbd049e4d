internal import CPQKernels

/// Centroids as integers: less their mean, times a scale, rounded, and such that norms of integers, and the scores made of
/// them, are exact in 32 bits. Made once, and used by the set that made it.
package struct RoundedLists: Sendable {
  fileprivate let words: [Int32]
  package let count: Int
  package let dimension: Int

  /// Words that a query's integers take.
  package var queryWords: Int { (dimension + 7) / 8 * 4 }

  /// A score that no centroid exceeds whose ``Kernels/squaredL2(_:rows:numbers:into:)`` is at most that of a centroid with
  /// a score of `score`; so it is with the k nearest centroids and the k-th least score.
  ///
  /// Rounding moves query and centroid by at most √D / 2 each, in units of the integers, and so a distance by √D; f32
  /// may lose the rest.
  /// - Parameter norm: that of the query's integers, squared.
  package func limit(_ score: Float, norm: Float) -> Float {
    let d = Double(dimension)
    let window = 2.02 * d.squareRoot() + (d + 4) / 128 + 0.1
    // A score has lost up to 128 as it became a float, and less than 1 by halving; a norm is right to 2^-20.
    let square = max(0, Double(norm) * (1 + 0x1p-16) + 2 * Double(score) + 2048)
    return Float(Double(score) + window * square.squareRoot() + window * window / 2 + 260).nextUp
  }
}

extension Kernels {
  /// Rounds the first `count` vectors of `blocks`; nil if this set compares floats as fast, or the numbers are so extreme
  /// that integers say nothing of them. O(count · dimension).
  package func roundLists(_ blocks: Span<Float>, count: Int, dimension: Int) -> RoundedLists? {
    guard let size = unsafe table.pointee.list_words, let round = unsafe table.pointee.round_lists else { return nil }
    precondition(
      count > 0 && dimension > 0 && blocks.count >= LaneBlocks.floats(vectors: count, dimension: dimension),
      "the blocks hold fewer vectors than asked for")
    let needed = size(dimension, count)
    var words = [Int32](repeating: 0, count: needed)
    unsafe blocks.withUnsafeBufferPointer { blocks in
      unsafe words.withUnsafeMutableBufferPointer { words in
        unsafe round(blocks.baseAddress, count, dimension, words.baseAddress)
      }
    }
    return RoundedLists(words: words, count: count, dimension: dimension)
  }

  /// Scores of `queries` `[query][dimension]` and all lists, `[query][count]`: half the squared distances of their integers
  /// less half the queries' squared norms, and these norms; a query whose norm is infinite has no scores.
  /// - Parameter rounded: room for the integers of all queries.
  /// - Complexity: O(queries · count · dimension), at a multiple of the rate of ``batch(_:_:dimension:blocks:count:into:)``.
  package func scores(
    _ lists: RoundedLists, _ queries: Span<Float>, rounded: inout MutableSpan<Int32>,
    norms: inout MutableSpan<Float>, into scores: inout MutableSpan<Float>
  ) {
    let n = queries.count / lists.dimension
    precondition(
      rounded.count >= n * lists.queryWords && norms.count >= n && scores.count >= n * lists.count, "no room for scores"
    )
    unsafe lists.words.withUnsafeBufferPointer { words in
      unsafe queries.withUnsafeBufferPointer { queries in
        unsafe rounded.withUnsafeMutableBufferPointer { rounded in
          unsafe norms.withUnsafeMutableBufferPointer { norms in
            unsafe scores.withUnsafeMutableBufferPointer { scores in
              unsafe table.pointee.list_scores?(
                words.baseAddress, lists.count, lists.dimension, queries.baseAddress, n, rounded.baseAddress,
                scores.baseAddress, lists.count, norms.baseAddress)
            }
          }
        }
      }
    }
  }

  /// Squared L2 distances, canonical as of ``squaredL2(_:blocks:into:)``, of one query to the rows `numbers` of `rows`.
  package func squaredL2(
    _ query: Span<Float>, rows: Span<Float>, numbers: Span<UInt32>, into output: inout MutableSpan<Float>
  ) {
    precondition(output.count >= numbers.count, "no room for all distances")
    let count = rows.count / query.count
    for i in numbers.indices { precondition(numbers[i] < count, "no such row") }
    unsafe query.withUnsafeBufferPointer { query in
      unsafe rows.withUnsafeBufferPointer { rows in
        unsafe numbers.withUnsafeBufferPointer { numbers in
          unsafe output.withUnsafeMutableBufferPointer { output in
            unsafe table.pointee.l2_numbered(
              query.baseAddress, query.count, rows.baseAddress, numbers.baseAddress, numbers.count, output.baseAddress)
          }
        }
      }
    }
  }
}
