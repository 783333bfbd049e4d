import PQFormat
import PQKernels

/// The canonical results (Formats/pqx-v1.md, "Distances"), in plain Swift.
enum Oracle {
  static func squaredL2(_ a: [Float], _ b: ArraySlice<Float>) -> Float {
    zip(a, b).reduce(0) { sum, pair in
      let d = pair.0 - pair.1
      return sum.addingProduct(d, d)
    }
  }

  static func innerProduct(_ a: [Float], _ b: ArraySlice<Float>) -> Float {
    zip(a, b).reduce(0) { $0.addingProduct($1.0, $1.1) }
  }

  static func row(_ similarity: Similarity, _ query: [Float], _ row: ArraySlice<Float>) -> Float {
    var sums = [Float](repeating: 0, count: 16)
    for (i, (q, x)) in zip(query, row).enumerated() {
      let d = q - x
      sums[i % 16] =
        similarity == .squaredL2 ? sums[i % 16].addingProduct(d, d) : sums[i % 16].addingProduct(q, x)
    }
    let eight = (0..<8).map { sums[$0] + sums[$0 + 8] }
    let four = (0..<4).map { eight[$0] + eight[$0 + 4] }
    return (four[0] + four[2]) + (four[1] + four[3])
  }

  /// The first of the smallest; index 0 at infinity when nothing is finite.
  static func nearest(_ point: [Float], _ centroids: [Float], dimension: Int) -> Nearest {
    var best = Nearest(index: 0, distance: .infinity)
    for c in 0..<centroids.count / dimension {
      let distance = squaredL2(point, centroids[c * dimension..<(c + 1) * dimension])
      if distance < best.distance { best = Nearest(index: UInt32(c), distance: distance) }
    }
    return best
  }
}

/// A seeded source of test values.
struct Values {
  var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  mutating func floats(_ count: Int) -> [Float] {
    (0..<count).map { _ in Float(Int64(bitPattern: random.next()) >> 24) * 0x1p-38 }
  }

  /// Small whole numbers: many equal distances.
  mutating func whole(_ count: Int) -> [Float] { (0..<count).map { _ in Float(Int(random.next() % 3) - 1) } }

  mutating func codes(_ count: Int, nbits: Int) -> [UInt16] {
    (0..<count).map { _ in UInt16(truncatingIfNeeded: random.next()) >> UInt16(16 - nbits) }
  }
}

/// The kernels with arrays in and out; outputs start as NaN, so that what is not written shows.
extension Kernels {
  func blocks(_ similarity: Similarity, _ query: [Float], _ blocks: [Float], count: Int) -> [UInt32] {
    var output = [Float](repeating: .nan, count: count)
    var span = output.mutableSpan
    switch similarity {
    case .squaredL2: squaredL2(query.span, blocks: blocks.span, into: &span)
    case .innerProduct: innerProduct(query.span, blocks: blocks.span, into: &span)
    }
    return output.map(\.bitPattern)
  }

  func rows(
    _ similarity: Similarity, _ query: [Float], _ bytes: [UInt8], _ type: RowType, offset: Float, count: Int
  ) -> [UInt32] {
    var output = [Float](repeating: .nan, count: count)
    var span = output.mutableSpan
    rows(similarity, query.span, rows: bytes.rawSpan, type: type, offset: offset, into: &span)
    return output.map(\.bitPattern)
  }

  func nearest(
    _ points: [Float], offset: Int = 0, stride: Int, dimension: Int, blocks: [Float], centroids: Int, count: Int
  ) -> [Nearest] {
    var output = [Nearest](repeating: Nearest(index: .max, distance: .nan), count: count)
    var span = output.mutableSpan
    nearest(
      points.span, offset: offset, stride: stride, dimension: dimension, blocks: blocks.span, centroids: centroids,
      into: &span)
    return output
  }
}
