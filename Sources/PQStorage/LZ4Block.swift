internal import CLZ4

/// LZ4 blocks (no frame header), by liblz4.
package enum LZ4Block {
  /// Compresses `bytes` into the front of `output`, and returns the block's length, or nil when it would be longer
  /// than `limit`. O(bytes).
  package static func compress(_ bytes: RawSpan, into output: inout [UInt8], limit: Int) -> Int? {
    guard bytes.byteCount > 0, limit > 0, let size = Int32(exactly: bytes.byteCount) else { return nil }
    if output.count < limit { output = [UInt8](repeating: 0, count: limit) }
    let capacity = Int32(clamping: limit)
    // LZ4_compress_default writes at most `capacity` bytes and returns 0 when the block does not fit.
    let length = unsafe bytes.withUnsafeBytes { source in
      unsafe output.withUnsafeMutableBytes { target in
        unsafe LZ4_compress_default(source.baseAddress, target.baseAddress, size, capacity)
      }
    }
    return length > 0 ? Int(length) : nil
  }

  /// Decompresses a block that must give exactly `count` bytes into the front of `output`.
  /// - Returns: false when the block is damaged or gives another length. Never reads or writes outside.
  package static func decompress(_ block: RawSpan, count: Int, into output: inout [UInt8]) -> Bool {
    guard let blockSize = Int32(exactly: block.byteCount), let size = Int32(exactly: count) else { return false }
    if output.count < count { output = [UInt8](repeating: 0, count: count) }
    // LZ4_decompress_safe stays within both lengths and returns a negative number for a bad block.
    let length = unsafe block.withUnsafeBytes { source in
      unsafe output.withUnsafeMutableBytes { target in
        unsafe LZ4_decompress_safe(source.baseAddress, target.baseAddress, blockSize, size)
      }
    }
    return length == size
  }
}
