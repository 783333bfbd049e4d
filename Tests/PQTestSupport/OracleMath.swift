/// The arithmetic of Formats/pqx-v1.md, "Distances", one component at a time.
public enum OracleMath {
  /// Σ d·d, or Σ a·b: one product after the other, by fma.
  public static func chain(_ a: ArraySlice<Float>, _ b: ArraySlice<Float>, squared: Bool) -> Float {
    precondition(a.count <= b.count, "too few components")
    // By pointers: without optimization each element of a slice takes generic calls.
    return unsafe a.withUnsafeBufferPointer { a in
      unsafe b.withUnsafeBufferPointer { b in
        guard let x = a.baseAddress, let y = b.baseAddress else { return 0 }
        return unsafe chain(x, y, a.count, squared: squared)
      }
    }
  }

  private static func chain(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int, squared: Bool
  ) -> Float {
    var (sum, i): (Float, Int) = (0, 0)
    while i < count {
      let (x, y) = unsafe (a[i], b[i])
      sum = squared ? sum.addingProduct(x - y, x - y) : sum.addingProduct(x, y)
      i += 1
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
    unsafe point.withUnsafeBufferPointer { point in
      var (best, least, i) = (0, Float.infinity, 0)
      while i < centroids.count {
        let distance = unsafe centroids[i].withUnsafeBufferPointer { centroid in
          precondition(point.count <= centroid.count, "too few components")
          guard let x = point.baseAddress, let y = centroid.baseAddress else { return Float(0) }
          return unsafe chain(x, y, point.count, squared: true)
        }
        if distance < least { (best, least) = (i, distance) }
        i += 1
      }
      return best
    }
  }

  /// Sub-vector `s` of `m`.
  public static func part(_ vector: [Float], _ s: Int, _ m: Int) -> ArraySlice<Float> {
    vector[s * (vector.count / m)..<(s + 1) * (vector.count / m)]
  }

  /// The chains with each of the axes; the vector itself, where there are none.
  public static func rotated(_ vector: [Float], _ axes: [[Float]]) -> [Float] {
    axes.isEmpty ? vector : axes.map { chain($0[...], vector[...], squared: false) }
  }

  public static func normalized(_ vector: [Float]) -> [Float] {
    var norm = 0.0
    for x in vector { norm += Double(x) * Double(x) }
    return norm > 0 ? vector.map { Float(Double($0) / norm.squareRoot()) } : vector
  }
}
