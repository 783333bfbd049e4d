internal import PQKernels

/// The brackets of vectors (Formats/pqx-v1.md, "Brackets"): of a vector in the list of centroid c, whose codes stand for
/// the residual r̂, ‖r̂‖² + 2⟨c − μ, r̂⟩, with μ the mean of all centroids. With it, tables of ⟨q − μ, r̂⟩, the same for
/// all lists, bound the distance of a query q.
package struct Brackets: Sendable {
  private let coarse: CoarseQuantizer
  private let quantizer: ProductQuantizer
  /// μ: per component the f64 mean of the centroids in ascending order, as f32.
  package let centre: [Float]
  private var list: Int?
  /// 2(c − μ) of `list`.
  private var offsets: [Double]
  /// Per subspace and codeword, what it adds to the bracket of a vector in `list`: `[subspace][codeword]`; if `isFilled`.
  private var terms: [Double] = []
  private var isFilled = false

  /// Nil unless the model has both quantizers. O(nlist · D).
  package init?(_ model: Model) {
    guard let coarse = model.coarse, let quantizer = model.quantizer, model.residual else { return nil }
    self.coarse = coarse
    self.quantizer = quantizer
    centre = (0..<coarse.dimension).map { component in
      var sum = 0.0
      for list in 0..<coarse.nlist { sum += Double(coarse.component(component, of: list)) }
      return Float(sum / Double(coarse.nlist))
    }
    offsets = [Double](repeating: 0, count: coarse.dimension)
  }

  /// The brackets of one frame's vectors, rounded down to bytes: bracket ≥ minimum + step · byte.
  package struct Frame: Sendable {
    package var minimum: Float = 0
    package var step: Float = 0
    package var bytes: [UInt8] = []
  }

  /// The brackets of `count` vectors of `list`. O(vectors · D), and no more than O(2^nbits · D) for a list.
  /// - Parameter codes: puts the codes that up to 64 vectors from `first` on have in a subspace.
  package mutating func frame(
    count: Int, list: Int, _ codes: (_ first: Int, _ subspace: Int, inout InlineArray<64, UInt16>) -> Void
  ) -> Frame {
    let (m, words) = (quantizer.m, quantizer.centroids)
    if list != self.list { begin(list) }
    if !isFilled, count >= words { fillTerms() }
    var values: [Double] = []
    values.reserveCapacity(count)
    var lanes = InlineArray<64, UInt16>(repeating: 0)
    let terms = terms.span
    for first in stride(from: 0, to: count, by: lanes.count) {
      let vectors = min(lanes.count, count - first)
      var sums = InlineArray<64, Double>(repeating: 0)
      for s in 0..<m {
        codes(first, s, &lanes)
        if isFilled {
          let book = terms.extracting(s * words..<(s + 1) * words)
          for lane in 0..<vectors { sums[lane] += book[Int(lanes[lane])] }
        } else {
          for lane in 0..<vectors { sums[lane] += quantizer.term(s, Int(lanes[lane]), offsets.span) }
        }
      }
      for lane in 0..<vectors { values.append(sums[lane]) }
    }
    return Self.quantize(values)
  }

  private static func quantize(_ values: [Double]) -> Frame {
    var frame = Frame()
    guard let least = values.min(), let most = values.max() else { return frame }
    frame.minimum = down(least)
    // A little more than 1/255 of the range, so that 255 is enough for the largest.
    frame.step = Float((most - Double(frame.minimum)) / 255 * (1 + 0x1p-20))
    // The least f32 says nothing.
    if !(frame.step >= 0 && frame.step.isFinite) { (frame.minimum, frame.step) = (-.greatestFiniteMagnitude, 0) }
    let (minimum, width) = (Double(frame.minimum), Double(frame.step))
    frame.bytes = values.map { value in
      guard width > 0 else { return 0 }
      // The conversion rounds down.
      var byte = Double(UInt8(max(0, min(255, (value - minimum) / width))))
      while byte > 0, minimum + width * byte > value { byte -= 1 }
      return UInt8(byte)
    }
    return frame
  }

  private mutating func begin(_ list: Int) {
    self.list = list
    isFilled = false
    for i in offsets.indices { offsets[i] = 2 * (Double(coarse.component(i, of: list)) - Double(centre[i])) }
  }

  private mutating func fillTerms() {
    let (m, words) = (quantizer.m, quantizer.centroids)
    // Out of the structure, so that it can be written while the model is read.
    var filled = terms.isEmpty ? [Double](repeating: 0, count: m * words) : terms
    terms = []
    var output = filled.mutableSpan
    for s in 0..<m {
      for word in 0..<words { output[s * words + word] = quantizer.term(s, word, offsets.span) }
    }
    terms = filled
    isFilled = true
  }

  /// The largest f32 that is not above `value`. The least finite one stands for every value below it.
  private static func down(_ value: Double) -> Float {
    let least = -Float.greatestFiniteMagnitude
    let nearest = Float(value)
    return max(Double(nearest) > value ? nearest.nextDown : nearest, least)
  }
}

extension ProductQuantizer {
  /// What a codeword r of subspace `s` adds to the bracket: Σ rᵢ (rᵢ + 2(c − μ)ᵢ). O(D/m).
  @inline(__always)
  fileprivate func term(_ s: Int, _ word: Int, _ offsets: Span<Double>) -> Double {
    let d = subdimension
    let lanes = LaneBlocks.lanes
    let blocks = codebooks.span
    var at = s * LaneBlocks.floats(vectors: centroids, dimension: d) + word / lanes * d * lanes + word % lanes
    var term = 0.0
    for i in s * d..<(s + 1) * d {
      let r = Double(blocks[at])
      term += r * (r + offsets[i])
      at += lanes
    }
    return term
  }
}
