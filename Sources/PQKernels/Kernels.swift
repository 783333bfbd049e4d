internal import CPQKernels

/// One instruction set's kernels: spans in, spans out, the same bits from every set.
///
/// A *lane block* holds 16 vectors as `[component][16 lanes]`; see ``LaneBlocks``.
@usableFromInline @safe package struct Kernels: Sendable {
  // The C tables are constants of the program: they outlive every use and never change.
  nonisolated(unsafe) let table: UnsafePointer<cpq_kernels>

  /// The name of the set: `avx512vbmi`, `avx512`, `avx2clmul`, `avx2`, `neon` or `scalar`.
  package var name: String { unsafe String(cString: table.pointee.name) }

  /// Every set that this machine can run, fastest first; the last is `scalar`, the oracle.
  package static let available: [Kernels] = {
    var sets: UnsafePointer<UnsafePointer<cpq_kernels>?>?
    let count = unsafe cpq_kernels_available(&sets)
    // dispatch.c fills `count` entries before main and never touches them again.
    return unsafe UnsafeBufferPointer(start: sets, count: count).compactMap { entry in
      unsafe entry.map { unsafe Kernels(table: $0) }
    }
  }()

  /// The fastest set, or the one that the environment variable `PQX_KERNELS` names.
  ///
  /// A name that this machine does not know falls back to the fastest.
  package static let best: Kernels = {
    let name = environment("PQX_KERNELS")
    return available.first { $0.name == name } ?? available[0]
  }()

  /// CRC-32C (Castagnoli) of `bytes`, continuing from `crc`. O(bytes).
  package func crc32c(_ bytes: RawSpan, continuing crc: UInt32 = 0) -> UInt32 {
    unsafe bytes.withUnsafeBytes { bytes in unsafe table.pointee.crc32c(crc, bytes.baseAddress, bytes.count) }
  }

  /// Squared L2 distances of one query to the first `output.count` vectors of `blocks`.
  ///
  /// Canonical: per vector one chain of f32 fma over components ascending.
  /// - Precondition: `blocks` holds at least `output.count` vectors of `query.count` components.
  package func squaredL2(_ query: Span<Float>, blocks: Span<Float>, into output: inout MutableSpan<Float>) {
    checkBlocks(blocks.count, vectors: output.count, dimension: query.count)
    unsafe withPointers(query, blocks, &output) { q, b, out in
      unsafe table.pointee.l2_blocks(q.baseAddress, q.count, b.baseAddress, out.count, out.baseAddress)
    }
  }

  /// Inner products of one query with the first `output.count` vectors of `blocks`; see ``squaredL2(_:blocks:into:)``.
  package func innerProduct(_ query: Span<Float>, blocks: Span<Float>, into output: inout MutableSpan<Float>) {
    checkBlocks(blocks.count, vectors: output.count, dimension: query.count)
    unsafe withPointers(query, blocks, &output) { q, b, out in
      unsafe table.pointee.ip_blocks(q.baseAddress, q.count, b.baseAddress, out.count, out.baseAddress)
    }
  }

  /// Squared L2 distances (or inner products) of `queries` `[query][dimension]` to the first `count` vectors of `blocks`:
  /// output `[query][count]`; see ``squaredL2(_:blocks:into:)``. Each load of a vector serves several queries;
  /// one alone has more vectors in work at a time.
  package func batch(
    _ similarity: Similarity, _ queries: Span<Float>, dimension: Int, blocks: Span<Float>, count: Int,
    into output: inout MutableSpan<Float>
  ) {
    let n = queries.count / dimension
    checkBlocks(blocks.count, vectors: count, dimension: dimension)
    precondition(output.count >= n * count, "no room for all distances")
    if queries.count == dimension {
      var one = output.part(0..<count)
      return similarity == .squaredL2
        ? squaredL2(queries, blocks: blocks, into: &one) : innerProduct(queries, blocks: blocks, into: &one)
    }
    unsafe withPointers(queries, blocks, &output) { q, b, out in
      let function = unsafe similarity == .squaredL2 ? table.pointee.l2_blocks_batch : table.pointee.ip_blocks_batch
      unsafe function?(q.baseAddress, n, dimension, b.baseAddress, count, out.baseAddress, count)
    }
  }

  /// Inner products of `rows` `[row][dimension]` and the first `count` vectors of `blocks`: `[row][count]`.
  package func innerProducts(_ rows: Span<Float>, dimension: Int, blocks: [Float], count: Int) -> [Float] {
    var products = [Float](repeating: 0, count: rows.count / dimension * count)
    var output = products.mutableSpan
    batch(.innerProduct, rows, dimension: dimension, blocks: blocks.span, count: count, into: &output)
    return products
  }

  /// `query` minus vector `vector` of `blocks`. O(components).
  package func subtract(
    _ vector: Int, of blocks: Span<Float>, from query: Span<Float>, into output: inout MutableSpan<Float>
  ) {
    checkBlocks(blocks.count, vectors: vector + 1, dimension: query.count)
    precondition(vector >= 0 && output.count >= query.count, "no such vector, or no room")
    let first = LaneBlocks.index(vector: vector, component: 0, dimension: query.count)
    unsafe withPointers(query, blocks, &output) { q, b, out in
      unsafe table.pointee.subtract_lane(q.baseAddress, q.count, b.baseAddress?.advanced(by: first), out.baseAddress)
    }
  }

  /// The squared length of a vector, in f64. O(components).
  package func squaredLength(_ vector: Span<Float>) -> Double {
    unsafe vector.withUnsafeBufferPointer { unsafe table.pointee.squared_length($0.baseAddress, $0.count) }
  }

  /// Fetches the bytes into the cache, and returns at once.
  @usableFromInline
  package static func fetch(_ bytes: RawSpan) {
    unsafe bytes.withUnsafeBytes { unsafe cpq_fetch($0.baseAddress, $0.count) }
  }

  /// The same of elements.
  @inlinable @inline(__always)
  package static func fetch<Element: BitwiseCopyable>(_ elements: Span<Element>, _ range: Range<Int>) {
    unsafe fetch(elements.extracting(range).bytes)  // bytes that pad them may be anything: none is read
  }

  /// Replaces numbers of ids in a frame (Formats/pqx-v1.md, "Id frames") by the ids. O(largest number · planes) where the
  /// numbers ascend; else once more wherever they do not.
  package func ids(
    _ frame: RawSpan, planes: Int, count: Int, first: UInt64, at numbers: inout MutableSpan<UInt64>
  ) {
    precondition(
      (0...8).contains(planes) && count >= 0 && frame.byteCount >= planes * count,
      "the frame is shorter than its planes")
    for i in numbers.indices { precondition(numbers[i] < count, "no such id") }
    unsafe frame.withUnsafeBytes { frame in
      unsafe numbers.withUnsafeMutableBufferPointer { numbers in
        unsafe table.pointee.ids_at(frame.baseAddress, planes, count, first, numbers.baseAddress, numbers.count)
      }
    }
  }

  /// Whether none of the values is infinite or not a number. O(values).
  package func areFinite(_ values: Span<Float>) -> Bool {
    unsafe values.bytes.withUnsafeBytes {
      unsafe table.pointee.are_finite($0.assumingMemoryBound(to: UInt32.self).baseAddress, values.count) != 0
    }
  }

  func checkBlocks(_ floats: Int, vectors: Int, dimension: Int) {
    precondition(
      dimension > 0 && floats >= LaneBlocks.floats(vectors: vectors, dimension: dimension),
      "the blocks hold fewer vectors than asked for")
  }

  func withPointers(
    _ a: Span<Float>, _ b: Span<Float>, _ c: inout MutableSpan<Float>,
    _ body: (UnsafeBufferPointer<Float>, UnsafeBufferPointer<Float>, UnsafeMutableBufferPointer<Float>) -> Void
  ) {
    unsafe a.withUnsafeBufferPointer { a in
      unsafe b.withUnsafeBufferPointer { b in
        unsafe c.withUnsafeMutableBufferPointer { c in unsafe body(a, b, c) }
      }
    }
  }
}

/// What a scan measures: squared L2 (smaller is nearer) or the inner product (larger is nearer).
package enum Similarity: Sendable {
  case squaredL2, innerProduct
}
