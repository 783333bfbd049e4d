internal import CPQKernels

/// One instruction set's kernels: spans in, spans out, the same bits from every set.
///
/// A *lane block* holds 16 vectors as `[component][16 lanes]`; see ``LaneBlocks``.
@safe package struct Kernels: Sendable {
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
  /// A name that this machine does not know falls back to the fastest: ``unknownForcedName`` tells.
  package static let best: Kernels = available.first { $0.name == forcedName } ?? available[0]

  /// The value of `PQX_KERNELS`, if it names no set of this machine.
  package static let unknownForcedName: String? = {
    guard let name = forcedName, !available.contains(where: { $0.name == name }) else { return nil }
    return name
  }()

  private static let forcedName: String? = environment("PQX_KERNELS")

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
  /// output `[query][count]`; see ``squaredL2(_:blocks:into:)``. Each load of a vector serves several queries.
  package func batch(
    _ similarity: Similarity, _ queries: Span<Float>, dimension: Int, blocks: Span<Float>, count: Int,
    into output: inout MutableSpan<Float>
  ) {
    let n = queries.count / dimension
    checkBlocks(blocks.count, vectors: count, dimension: dimension)
    precondition(output.count >= n * count, "no room for all distances")
    unsafe withPointers(queries, blocks, &output) { q, b, out in
      let function = unsafe similarity == .squaredL2 ? table.pointee.l2_blocks_batch : table.pointee.ip_blocks_batch
      unsafe function?(q.baseAddress, n, dimension, b.baseAddress, count, out.baseAddress, count)
    }
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

  /// A value that at least `k` of the values do not exceed, and few more than k; infinite if there may be none.
  package func limit(_ values: Span<Float>, _ k: Int) -> Float {
    precondition(k > 0 && k <= values.count, "fewer values than k")
    return unsafe values.withUnsafeBufferPointer { unsafe table.pointee.float_limit($0.baseAddress, $0.count, k) }
  }

  /// The `k`-th smallest of the values, none of which is NaN. O(values).
  package func kth(_ k: Int, of values: Span<Float>) -> Float {
    precondition(k > 0 && k <= values.count, "fewer values than k")
    return unsafe values.withUnsafeBufferPointer { unsafe table.pointee.float_kth($0.baseAddress, $0.count, k) }
  }

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

  /// Writes the numbers of the values that are at most `limit`, ascending, and returns how many they are.
  package func numbers(_ values: Span<Float>, atMost limit: Float, into output: inout MutableSpan<UInt32>) -> Int {
    precondition(output.count > values.count, "no room for all numbers")
    return unsafe values.withUnsafeBufferPointer { values in
      unsafe output.withUnsafeMutableBufferPointer { output in
        unsafe table.pointee.at_most(values.baseAddress, values.count, limit, output.baseAddress)
      }
    }
  }

  /// Fetches the bytes into the cache, and returns at once.
  package func fetch(_ bytes: RawSpan) {
    unsafe bytes.withUnsafeBytes { unsafe table.pointee.fetch($0.baseAddress, $0.count) }
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

  /// Sorts the first `count` words, all different; as many after them are to work with. O(count · log count).
  package func sort(_ words: inout MutableSpan<UInt64>, _ count: Int) {
    precondition(count >= 0 && words.count / 2 >= count, "no room to sort")
    unsafe words.withUnsafeMutableBufferPointer { words in
      unsafe table.pointee.sort_words(words.baseAddress, count, words.baseAddress?.advanced(by: count))
    }
  }

  /// Whether none of the values is infinite or not a number. O(values).
  package func areFinite(_ values: Span<Float>) -> Bool {
    unsafe values.bytes.withUnsafeBytes {
      unsafe table.pointee.are_finite($0.assumingMemoryBound(to: UInt32.self).baseAddress, values.count) != 0
    }
  }

  /// The nearest of `centroids` centroids, lowest index among equals, for each of `output.count` points.
  ///
  /// Point i has its `dimension` components at `points[offset + i * stride]`. O(points · centroids · dimension).
  package func nearest(
    _ points: Span<Float>, offset: Int = 0, stride: Int, dimension: Int,
    blocks: Span<Float>, centroids: Int, into output: inout MutableSpan<Nearest>
  ) {
    guard output.count > 0 else { return }
    checkBlocks(blocks.count, vectors: centroids, dimension: dimension)
    checkPoints(points.count, offset: offset, stride: stride, dimension: dimension, count: output.count)
    unsafe points.withUnsafeBufferPointer { p in
      unsafe blocks.withUnsafeBufferPointer { b in
        unsafe output.withUnsafeMutableBufferPointer { out in
          // `Nearest` has the layout of `cpq_nearest`: a u32 and an f32, in this order.
          unsafe out.withMemoryRebound(to: cpq_nearest.self) { out in
            unsafe table.pointee.nearest(
              p.baseAddress?.advanced(by: offset), stride, out.count, dimension, b.baseAddress, centroids,
              out.baseAddress)
          }
        }
      }
    }
  }

  /// The indices that ``nearest(_:offset:stride:dimension:blocks:centroids:into:)`` finds for finite points, faster.
  /// - Parameter scratch: grows as needed; to be used again by the next call on the same thread.
  package func assign(
    _ points: Span<Float>, offset: Int = 0, stride: Int, dimension: Int,
    blocks: Span<Float>, centroids: Int, scratch: inout [Int32], into output: inout MutableSpan<UInt32>
  ) {
    guard output.count > 0 else { return }
    checkBlocks(blocks.count, vectors: centroids, dimension: dimension)
    checkPoints(points.count, offset: offset, stride: stride, dimension: dimension, count: output.count)
    let words = unsafe table.pointee.assign_scratch(dimension, centroids)
    unsafe withPointers(points, blocks, words: words, of: &scratch, &output) { p, b, words, out in
      unsafe table.pointee.assign(
        p.baseAddress?.advanced(by: offset), stride, out.count, dimension, b.baseAddress, centroids, words.baseAddress,
        out.baseAddress)
    }
  }

  /// The most components of ``assignNear(_:mean:scale:blocks:centroids:scratch:into:)``.
  package static let nearDimension = Int(CPQ_NEAR_DIM)
  /// The largest norm of its centroids.
  package static let nearNorm = Float(CPQ_NEAR_NORM - 1)

  /// A centroid that is the nearest one but for rounding, for each of `output.count` packed points, at a multiple of the
  /// rate of ``assign(_:offset:stride:dimension:blocks:centroids:scratch:into:)``; the same from every set.
  ///
  /// Points and centroids, less `mean` and times `scale`, are rounded to integers, and a point gets the centroid whose
  /// integers are nearest, lowest index among equals. A point whose norm is too large gets its nearest centroid.
  /// O(points · centroids · dimension).
  /// - Parameters:
  ///   - mean: a value for each component, at most ``nearDimension``.
  ///   - scale: positive, such that no centroid has a norm above ``nearNorm``.
  ///   - scratch: grows as needed; to be used again by the next call on the same thread.
  package func assignNear(
    _ points: Span<Float>, mean: Span<Float>, scale: Float, blocks: Span<Float>, centroids: Int,
    scratch: inout [Int32], into output: inout MutableSpan<UInt32>
  ) {
    let dimension = mean.count
    precondition(dimension <= Self.nearDimension && scale > 0 && scale < .infinity, "no such rounding")
    guard output.count > 0 else { return }
    checkBlocks(blocks.count, vectors: centroids, dimension: dimension)
    checkPoints(points.count, offset: 0, stride: dimension, dimension: dimension, count: output.count)
    let words = LaneBlocks.floats(vectors: centroids, dimension: Int(CPQ_NEAR_WORDS))
    unsafe withPointers(points, blocks, words: words, of: &scratch, &output) { p, b, words, out in
      unsafe mean.withUnsafeBufferPointer { mean in
        unsafe table.pointee.assign_near(
          p.baseAddress, out.count, dimension, b.baseAddress, centroids, mean.baseAddress, scale, words.baseAddress,
          out.baseAddress)
      }
    }
  }

  /// Adds each point to the sum of its centroid, points ascending.
  /// - Parameters:
  ///   - points: point i has its `dimension` components at `points[offset + i * stride]`.
  ///   - assigned: the centroid of each point.
  ///   - centers: `[centroid][dimension]`, or none.
  ///   - sums: `[centroid][dimension]`.
  /// - Returns: the sum of the points' squared distances to their centroids, the same from every set; 0 without centers.
  package func accumulate(
    _ points: Span<Float>, offset: Int = 0, stride: Int, dimension: Int, assigned: Span<UInt32>,
    centers: Span<Float>, into sums: inout MutableSpan<Double>
  ) -> Double {
    guard assigned.count > 0 else { return 0 }
    checkPoints(points.count, offset: offset, stride: stride, dimension: dimension, count: assigned.count)
    precondition(centers.isEmpty || centers.count == sums.count, "a sum for each component of each centroid")
    let centroids = sums.count / dimension
    for i in assigned.indices { precondition(assigned[i] < centroids, "no such centroid") }
    return unsafe points.withUnsafeBufferPointer { p in
      unsafe assigned.withUnsafeBufferPointer { a in
        unsafe centers.withUnsafeBufferPointer { c in
          unsafe sums.withUnsafeMutableBufferPointer { s in
            unsafe table.pointee.accumulate(
              p.baseAddress?.advanced(by: offset), stride, a.count, dimension, a.baseAddress,
              c.isEmpty ? nil : c.baseAddress, s.baseAddress)
          }
        }
      }
    }
  }

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

  private func checkPoints(_ floats: Int, offset: Int, stride: Int, dimension: Int, count: Int) {
    precondition(
      offset >= 0 && dimension > 0 && stride >= dimension && offset + (count - 1) * stride + dimension <= floats,
      "the points reach past their span")
  }

  private func checkBlocks(_ floats: Int, vectors: Int, dimension: Int) {
    precondition(
      dimension > 0 && floats >= LaneBlocks.floats(vectors: vectors, dimension: dimension),
      "the blocks hold fewer vectors than asked for")
  }

  private func withPointers(
    _ a: Span<Float>, _ b: Span<Float>, _ c: inout MutableSpan<Float>,
    _ body: (UnsafeBufferPointer<Float>, UnsafeBufferPointer<Float>, UnsafeMutableBufferPointer<Float>) -> Void
  ) {
    unsafe a.withUnsafeBufferPointer { a in
      unsafe b.withUnsafeBufferPointer { b in
        unsafe c.withUnsafeMutableBufferPointer { c in unsafe body(a, b, c) }
      }
    }
  }

  /// As above, and with at least `words` of `scratch`, which grows as needed.
  private func withPointers(
    _ a: Span<Float>, _ b: Span<Float>, words: Int, of scratch: inout [Int32], _ c: inout MutableSpan<UInt32>,
    _ body: (
      UnsafeBufferPointer<Float>, UnsafeBufferPointer<Float>, UnsafeMutableBufferPointer<Int32>,
      UnsafeMutableBufferPointer<UInt32>
    ) -> Void
  ) {
    if scratch.count < words { scratch = [Int32](repeating: 0, count: words) }
    var scratch = scratch.mutableSpan
    unsafe a.withUnsafeBufferPointer { a in
      unsafe b.withUnsafeBufferPointer { b in
        unsafe scratch.withUnsafeMutableBufferPointer { scratch in
          unsafe c.withUnsafeMutableBufferPointer { c in unsafe body(a, b, scratch, c) }
        }
      }
    }
  }
}

/// What a scan measures: squared L2 (smaller is nearer) or the inner product (larger is nearer).
package enum Similarity: Sendable {
  case squaredL2, innerProduct
}

/// A point's nearest centroid and its squared L2 distance.
@frozen package struct Nearest: Sendable, Equatable {
  package var index: UInt32
  package var distance: Float

  package init(index: UInt32 = 0, distance: Float = .infinity) {
    self.index = index
    self.distance = distance
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
