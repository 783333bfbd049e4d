internal import CPQKernels

/// The least of many values, and values in order.
extension Kernels {
  /// The least value of each of `16 · ⌈values / (16 · depth)⌉` groups, of at most `depth` values each; returns how many
  /// groups there are. Any n least minima are minima of n groups, so n values are at most as large as the greatest.
  package func groupMinima(_ values: Span<Float>, depth: Int, into output: inout MutableSpan<Float>) -> Int {
    precondition(depth > 0 && output.count >= (values.count + 16 * depth - 1) / (16 * depth) * 16, "no room")
    return unsafe values.withUnsafeBufferPointer { values in
      unsafe output.withUnsafeMutableBufferPointer { output in
        unsafe table.pointee.group_minima(values.baseAddress, values.count, depth, output.baseAddress)
      }
    }
  }

  /// The `k`-th smallest of the values, none of which is NaN. O(values).
  package func kth(_ k: Int, of values: Span<Float>) -> Float {
    precondition(k > 0 && k <= values.count, "fewer values than k")
    return unsafe values.withUnsafeBufferPointer { unsafe table.pointee.float_kth($0.baseAddress, $0.count, k) }
  }

  /// A sum that at least `k` of the sums do not exceed, and few more than k: the k-th smallest minimum of groups of eight,
  /// if k is a small part of the groups, else the k-th smallest sum. O(sums).
  /// - Parameters:
  ///   - filled: how many of the sums are no fillers, which no limit is to reach; at least k.
  ///   - minima: room for an eighth of the sums.
  /// - Precondition: there are a multiple of ``sumGroup`` and at most 65,536.
  package func limit(
    _ sums: Span<UInt16>, filled: Int, _ k: Int, minima: inout MutableSpan<UInt16>
  ) -> UInt16 {
    precondition(sums.count % Self.sumGroup == 0 && minima.count >= sums.count / 8, "no whole groups, or no room")
    // At least an eighth of those that are filled are in groups of their own.
    guard k <= filled / 24 else { return limit(sums, k) }
    let groups = unsafe sums.withUnsafeBufferPointer { sums in
      unsafe minima.withUnsafeMutableBufferPointer {
        unsafe table.pointee.sum_minima(sums.baseAddress, sums.count, $0.baseAddress)
      }
    }
    return limit(minima.span.extracting(0..<groups), k)
  }

  /// So many sums are grouped at a time.
  package static let sumGroup = Int(CPQ_SUM_GROUPS)

  /// The `k`-th smallest of at most 65,536 sums.
  package func limit(_ sums: Span<UInt16>, _ k: Int) -> UInt16 {
    precondition(k > 0 && k <= sums.count && sums.count <= 1 << 16, "fewer sums than k, or too many")
    return unsafe sums.withUnsafeBufferPointer { unsafe table.pointee.sum_limit($0.baseAddress, $0.count, k) }
  }

  /// Writes the sums that are in `range`, and their positions, in their order, and returns how many they are. O(sums).
  package func select(
    _ range: ClosedRange<UInt16>, of sums: Span<UInt16>, _ positions: Span<UInt16>,
    sums output: inout MutableSpan<UInt16>, positions outputPositions: inout MutableSpan<UInt16>
  ) -> Int {
    precondition(
      positions.count == sums.count && output.count >= sums.count && outputPositions.count >= sums.count,
      "no position for each sum, or no room for all")
    return unsafe sums.withUnsafeBufferPointer { sums in
      unsafe positions.withUnsafeBufferPointer { positions in
        unsafe output.withUnsafeMutableBufferPointer { output in
          unsafe outputPositions.withUnsafeMutableBufferPointer { outputPositions in
            unsafe table.pointee.sums_within(
              sums.baseAddress, positions.baseAddress, sums.count, range.lowerBound, range.upperBound,
              output.baseAddress, outputPositions.baseAddress)
          }
        }
      }
    }
  }

  /// Writes the numbers of the values from `low` to `high`, ascending, and returns how many they are. What lies behind those
  /// is written over: there is room for as many as there are values.
  package func numbers(
    _ values: Span<Float>, from low: Float, to high: Float, into output: inout MutableSpan<UInt32>
  ) -> Int {
    precondition(output.count >= values.count, "no room for all numbers")
    return unsafe values.withUnsafeBufferPointer { values in
      unsafe output.withUnsafeMutableBufferPointer { output in
        unsafe table.pointee.floats_within(values.baseAddress, values.count, low, high, output.baseAddress)
      }
    }
  }

  /// Sorts the first `count` words, all different; as many after them are to work with. O(count · log count).
  package func sort(_ words: inout MutableSpan<UInt64>, _ count: Int) {
    precondition(count >= 0 && words.count / 2 >= count, "no room to sort")
    unsafe words.withUnsafeMutableBufferPointer { words in
      unsafe table.pointee.sort_words(words.baseAddress, count, words.baseAddress?.advanced(by: count))
    }
  }
}
