internal import PQKernels

/// The section `rotation` (Formats/pqx-v1.md, "Rotation").
package enum RotationAxes {
  /// What is wrong with the lengths of axes in lane blocks, as many as components; nil: nothing. With right ones no component
  /// of a rotated vector is greater than the vector's length by more than a thousandth. O(dimension²).
  package static func problem(_ axes: Span<Float>, dimension: Int) -> String? {
    let lanes = LaneBlocks.lanes
    for first in stride(from: 0, to: dimension, by: lanes) {
      var norms = SIMD16<Double>(repeating: 0)
      let block = axes.extracting(first * dimension..<(first + lanes) * dimension)
      for c in 0..<dimension {
        for lane in 0..<lanes {
          let x = Double(block[c * lanes + lane])
          norms[lane] += x * x
        }
      }
      for lane in 0..<min(lanes, dimension - first) where !(abs(norms[lane] - 1) <= 0x1p-10) {
        return "the squared length of axis \(first + lane) is \(norms[lane]), not 1 within 2^-10"
      }
    }
    return nil
  }
}
