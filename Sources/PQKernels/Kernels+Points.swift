internal import CPQKernels

/// What training and encoding ask: the nearest centroids of many points, and the sums of their points.
extension Kernels {
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

  private func checkPoints(_ floats: Int, offset: Int, stride: Int, dimension: Int, count: Int) {
    precondition(
      offset >= 0 && dimension > 0 && stride >= dimension && offset + (count - 1) * stride + dimension <= floats,
      "the points reach past their span")
  }

  /// As ``withPointers(_:_:_:_:)``, and with at least `words` of `scratch`, which grows as needed.
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

/// A point's nearest centroid and its squared L2 distance.
@frozen package struct Nearest: Sendable, Equatable {
  package var index: UInt32
  package var distance: Float

  package init(index: UInt32 = 0, distance: Float = .infinity) {
    self.index = index
    self.distance = distance
  }
}
