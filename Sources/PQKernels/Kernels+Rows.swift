internal import CPQKernels

/// Distances to stored vectors, row by row.
extension Kernels {
  /// Squared L2 distances (or inner products) of one query to `output.count` packed rows.
  ///
  /// Canonical: component i goes to chain i mod 16 by f32 fma; the chains are summed as a fixed tree (8, 4, 2, 1).
  /// - Parameters:
  ///   - rows: packed rows of `query.count` components, in the encoding `type`.
  ///   - offset: what to add to a u8 component; ignored for f32 and f16.
  package func rows(
    _ similarity: Similarity, _ query: Span<Float>, rows: RawSpan, type: RowType, offset: Float = 0,
    into output: inout MutableSpan<Float>
  ) {
    precondition(rows.byteCount >= output.count * type.rowBytes(query.count), "the rows reach past their span")
    unsafe query.withUnsafeBufferPointer { q in
      unsafe rows.withUnsafeBytes { rows in
        unsafe output.withUnsafeMutableBufferPointer { out in
          let function = unsafe similarity == .squaredL2 ? table.pointee.l2_rows : table.pointee.ip_rows
          unsafe function?(
            type.kernelType, q.baseAddress, q.count, rows.baseAddress, out.count, offset, out.baseAddress)
        }
      }
    }
  }

  /// Squared L2 distances (or inner products) of one query to the first `output.count` of `rows`, packed f32; see
  /// ``rows(_:_:rows:type:offset:into:)``.
  package func rows(
    _ similarity: Similarity, _ query: Span<Float>, rows: Span<Float>, into output: inout MutableSpan<Float>
  ) {
    // An f32 has no padding: each of its bytes may be read.
    self.rows(similarity, query, rows: unsafe rows.bytes, type: .f32, into: &output)
  }

  /// As ``rows(_:_:rows:type:offset:into:)`` for rows that lie anywhere in `bytes`: row i at `offsets[i]`, fetched ahead.
  package func rows(
    _ similarity: Similarity, _ query: Span<Float>, in bytes: RawSpan, at offsets: Span<UInt64>, type: RowType,
    offset: Float, into output: inout MutableSpan<Float>
  ) {
    let last = bytes.byteCount - type.rowBytes(query.count)
    precondition(output.count >= offsets.count, "no room for all distances")
    for i in offsets.indices { precondition(last >= 0 && offsets[i] <= UInt64(last), "a row reaches past the bytes") }
    unsafe query.withUnsafeBufferPointer { q in
      unsafe bytes.withUnsafeBytes { bytes in
        unsafe offsets.withUnsafeBufferPointer { offsets in
          unsafe output.withUnsafeMutableBufferPointer { out in
            unsafe table.pointee.rows_at(
              similarity == .squaredL2 ? 1 : 0, type.kernelType, q.baseAddress, q.count, bytes.baseAddress,
              offsets.baseAddress, offsets.count, offset, out.baseAddress)
          }
        }
      }
    }
  }
}

/// How the components of packed rows are stored.
package enum RowType: Sendable {
  case f32, f16, u8

  package var componentBytes: Int {
    switch self {
    case .f32: 4
    case .f16: 2
    case .u8: 1
    }
  }

  package func rowBytes(_ dimension: Int) -> Int { dimension * componentBytes }

  fileprivate var kernelType: cpq_row_type {
    switch self {
    case .f32: CPQ_ROW_F32
    case .f16: CPQ_ROW_F16
    case .u8: CPQ_ROW_U8
    }
  }
}
