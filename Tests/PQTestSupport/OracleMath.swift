/// The arithmetic of Formats/pqx-v1.md, "Distances", one component at a time.
public enum OracleMath {
  /// Σ d·d, or Σ a·b: one product after the other, by fma.
  public static func chain(_ a: ArraySlice<Float>, _ b: ArraySlice<Float>, squared: Bool) -> Float {
    var sum: Float = 0
    var j = b.startIndex
    for x in a {
      let d = x - b[j]
      sum = squared ? sum.addingProduct(d, d) : sum.addingProduct(x, b[j])
      j += 1
    }
    return sum
  }

  /// Sixteen chains and the tree over them.
  public static func sixteenChains(_ q: [Float], _ x: [Float], squared: Bool) -> Float {
    var sums = [Float](repeating: 0, count: 16)
    for i in q.indices {
      let d = q[i] - x[i]
      sums[i % 16] = squared ? sums[i % 16].addingProduct(d, d) : sums[i % 16].addingProduct(q[i], x[i])
    }
    for width in [8, 4, 2, 1] { for j in 0..<width { sums[j] += sums[j + width] } }
    return sums[0]
  }

  /// The first of the nearest.
  public static func nearest(_ point: ArraySlice<Float>, _ centroids: [[Float]]) -> Int {
    var best = (index: 0, distance: Float.infinity)
    for (i, centroid) in centroids.enumerated() {
      let distance = chain(point, centroid[...], squared: true)
      if distance < best.distance { best = (i, distance) }
    }
    return best.index
  }

  /// Sub-vector `s` of `m`.
  public static func part(_ vector: [Float], _ s: Int, _ m: Int) -> ArraySlice<Float> {
    vector[s * (vector.count / m)..<(s + 1) * (vector.count / m)]
  }

  public static func normalized(_ vector: [Float]) -> [Float] {
    var norm = 0.0
    for x in vector { norm += Double(x) * Double(x) }
    return norm > 0 ? vector.map { Float(Double($0) / norm.squareRoot()) } : vector
  }
}
