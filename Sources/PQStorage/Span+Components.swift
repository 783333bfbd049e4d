// The only file of vector reading and writing that looks at bytes as numbers: all its loops check their whole range
// first and then run without checks.

extension Span<UInt8> {
  /// The little-endian u32 at `offset`.
  func u32(at offset: Int) -> UInt32 {
    precondition(offset >= 0 && offset <= count - 4, "a field reaches past its bytes")
    // Checked above; any four bytes are a u32.
    return unsafe withUnsafeBytes { bytes in
      UInt32(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
  }

  /// Decodes the first `rows` little-endian rows.
  /// - Parameters:
  ///   - stride: bytes from one row to the next, of which the first `prefix` are no components.
  ///   - output: `[row][component]`, filled from index `start` on.
  func decodeRows(
    _ rows: Int, _ type: ComponentType, stride: Int, prefix: Int, dimension: Int,
    into output: inout MutableSpan<Float>, at start: Int
  ) {
    precondition(
      prefix >= 0 && dimension > 0 && stride >= prefix + dimension * type.bytes && rows <= count / stride,
      "the rows reach past their bytes")
    precondition(start >= 0 && rows <= (output.count - start) / dimension, "the rows reach past the output")
    unsafe withUnsafeBytes { bytes in
      unsafe output.withUnsafeMutableBufferPointer { output in
        guard let source = bytes.baseAddress, let target = output.baseAddress else { return }
        for row in 0..<rows {
          // Within both buffers by the preconditions.
          let from = unsafe source + (row * stride + prefix)
          let to = unsafe target + (start + row * dimension)
          switch type {
          case .f32: unsafe UnsafeMutableRawPointer(to).copyMemory(from: from, byteCount: dimension * 4)
          case .f16:
            for i in 0..<dimension {
              unsafe to[i] = float(half: from.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self))
            }
          case .u8:
            let from = unsafe from.assumingMemoryBound(to: UInt8.self)
            for i in 0..<dimension { unsafe to[i] = Float(from[i]) }
          case .i8:
            let from = unsafe from.assumingMemoryBound(to: Int8.self)
            for i in 0..<dimension { unsafe to[i] = Float(from[i]) }
          }
        }
      }
    }
  }
}

extension Span<Float> {
  /// Whether the squared norm of every row of `dimension` components, as it is summed here, is finite in f32: if so, so is
  /// every component. What decides whether a row can be indexed.
  package func haveFiniteNorms(dimension: Int) -> Bool {
    typealias Lanes = SIMD16<Float>
    let rows = count / dimension
    return unsafe withUnsafeBytes { bytes in
      for row in 0..<rows {
        var sums = Lanes()
        var i = 0
        while i <= dimension - Lanes.scalarCount {
          // Within the row, and rows are within the span.
          let lanes = unsafe bytes.loadUnaligned(fromByteOffset: (row * dimension + i) * 4, as: Lanes.self)
          sums += lanes * lanes
          i += Lanes.scalarCount
        }
        var sum = sums.sum()
        while i < dimension {
          let x = self[row * dimension + i]
          sum += x * x
          i += 1
        }
        if !sum.isFinite { return false }
      }
      return true
    }
  }

  /// Appends the components' little-endian bytes. O(count).
  func appendBytes(to bytes: inout [UInt8]) {
    // Any float is four bytes.
    unsafe withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
  }

  /// Appends the components as integers of a byte each.
  /// - Returns: false if one of them is no integer in `range`; what was appended is then of no use.
  func appendBytes(to bytes: inout [UInt8], asIntegersIn range: ClosedRange<Int>) -> Bool {
    let (lowest, highest) = (Float(range.lowerBound), Float(range.upperBound))
    // Adding it moves an integer to the low bits and rounds everything else.
    let shift: Float = 0x1.8p23
    var areIntegers = true
    let start = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: count))
    var output = bytes.mutableSpan
    for i in 0..<count {
      let shifted = self[i] + shift
      areIntegers = areIntegers && shifted - shift == self[i] && self[i] >= lowest && self[i] <= highest
      output[start + i] = UInt8(truncatingIfNeeded: shifted.bitPattern)
    }
    return areIntegers
  }
}

/// The value of an IEEE 754 binary16, without branches so that loops over it are vectorised.
@inline(__always)
private func float(half: UInt16) -> Float {
  let magnitude = UInt32(half & 0x7FFF) << 13
  // Moves the exponent from bias 15 to bias 127; exact, for subnormal numbers too.
  let scaled = (Float(bitPattern: magnitude) * 0x1p112).bitPattern
  let special: UInt32 = half & 0x7C00 == 0x7C00 ? 0x7F80_0000 : 0
  return Float(bitPattern: scaled | special | UInt32(half & 0x8000) << 16)
}
