internal import CPQKernels

/// Centroids as integers: less their mean, times a scale, and rounded, such that scores are exact in 32 bits. Made once, and
/// used by the set that made it.
package struct RoundedLists: Sendable {
  // Never changed, so that it stays where the kernels have aligned it.
  fileprivate let words: [Int32]
  package let count: Int
  package let dimension: Int
  /// Components of a word.
  package let components: Int

  /// Words that a query's integers take.
  package var queryWords: Int { (dimension + 7) / 8 * 8 / components }
}

extension Kernels {
  /// Whether this set rounds lists.
  package var roundsLists: Bool { unsafe table.pointee.round_lists != nil }

  /// Bytes of a component of a rounded list; of floats where none are rounded.
  package var bytesOfListComponent: Int { roundsLists ? unsafe 4 / table.pointee.list_components : 4 }

  /// Rounds the first `count` vectors of `blocks`; nil if this set compares floats as fast, or the numbers are so extreme
  /// that integers say nothing of them. O(count · dimension).
  /// - Parameter reach: how far from the centroids most queries are.
  package func roundLists(_ blocks: Span<Float>, count: Int, dimension: Int, reach: Float) -> RoundedLists? {
    guard let size = unsafe table.pointee.list_words, let round = unsafe table.pointee.round_lists else { return nil }
    precondition(
      count > 0 && dimension > 0 && blocks.count >= LaneBlocks.floats(vectors: count, dimension: dimension),
      "the blocks hold fewer vectors than asked for")
    let needed = size(dimension, count)
    var words = [Int32](repeating: 0, count: needed)
    let isRounded = unsafe blocks.withUnsafeBufferPointer { blocks in
      unsafe words.withUnsafeMutableBufferPointer { words in
        unsafe round(blocks.baseAddress, count, dimension, reach, words.baseAddress)
      }
    }
    guard isRounded != 0 else { return nil }
    return unsafe RoundedLists(
      words: words, count: count, dimension: dimension, components: table.pointee.list_components)
  }

  /// Scores of `queries` `[query][dimension]` and all lists, `[query][count]`: half the squared distances of their integers
  /// less half the queries' squared norms, these norms, and how far rounding has moved each query at most; a query that is too
  /// far has an infinite norm, and no scores. Returns how many have scores.
  /// - Parameter rounded: room for the integers of all queries.
  /// - Complexity: O(queries · count · dimension), at a multiple of the rate of ``batch(_:_:dimension:blocks:count:into:)``.
  package func scores(
    _ lists: RoundedLists, _ queries: Span<Float>, rounded: inout MutableSpan<Int32>,
    norms: inout MutableSpan<Float>, moved: inout MutableSpan<Float>, into scores: inout MutableSpan<Float>
  ) -> Int {
    let n = queries.count / lists.dimension
    precondition(
      rounded.count >= n * lists.queryWords && norms.count >= n && moved.count >= n && scores.count >= n * lists.count,
      "no room for scores")
    return unsafe lists.words.withUnsafeBufferPointer { words in
      unsafe queries.withUnsafeBufferPointer { queries in
        unsafe rounded.withUnsafeMutableBufferPointer { rounded in
          unsafe norms.withUnsafeMutableBufferPointer { norms in
            unsafe moved.withUnsafeMutableBufferPointer { moved in
              unsafe scores.withUnsafeMutableBufferPointer { scores in
                unsafe table.pointee.list_scores(
                  words.baseAddress, lists.count, lists.dimension, queries.baseAddress, n, rounded.baseAddress,
                  scores.baseAddress, lists.count, norms.baseAddress, moved.baseAddress)
              }
            }
          }
        }
      }
    }
  }

  /// A score that no list exceeds whose distance to a query is at most `distance`.
  /// - Parameters:
  ///   - norm: the squared norm of the query's integers, as scores come with it.
  ///   - moved: how far rounding has moved it.
  package func limit(_ lists: RoundedLists, distance: Double, norm: Float, moved: Float) -> Float {
    unsafe lists.words.withUnsafeBufferPointer {
      unsafe table.pointee.list_limit($0.baseAddress, lists.dimension, lists.count, distance, norm, moved)
    }
  }

  /// Squared L2 distances, canonical as of ``squaredL2(_:blocks:into:)``, of one query to the rows `numbers` of `rows`.
  /// - Precondition: this set rounds lists.
  package func squaredL2(
    _ query: Span<Float>, rows: Span<Float>, numbers: Span<UInt32>, into output: inout MutableSpan<Float>
  ) {
    precondition(output.count >= numbers.count, "no room for all distances")
    precondition(roundsLists, "a set that rounds no lists")
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
