internal import PQFormat
internal import PQKernels

/// The deep verification of brackets (Formats/pqx-v1.md, "Brackets").
extension IndexFile {
  /// A vector of a frame whose bracket, as stored, is not what its codes give; nil where there is none.
  /// - Parameter content: the decoded code frame, its codes checked.
  /// - Complexity: O(vectors · D).
  borrowing func wrongBracket(_ frame: FrameView, _ content: RawSpan) -> String? {
    guard let layout = parameters.codeLayout, layout.hasBracket, frame.entry.bracketsBound else { return nil }
    let (d, floats) = (parameters.subdimension, parameters.codebookFloats)
    let codebooks = bytes(of: .codebooks).floats()
    let offset = offsetFromCentre(frame.list)
    let (minimum, step) = (Double(frame.entry.bracketMinimum), Double(frame.entry.bracketStep))
    let slack = 0x1p-40 * (abs(minimum) + 256 * step) + 0x1p-126
    for vector in 0..<frame.count {
      var bracket = 0.0
      for s in 0..<layout.m {
        // Below 2^nbits, as was checked, even if somebody overwrites the file.
        let word = Int(layout.code(content, vector: vector, subspace: s, count: frame.count)) & (1 << layout.nbits - 1)
        var term = 0.0
        for i in 0..<d {
          let r = Double(codebooks[s * floats + LaneBlocks.index(vector: word, component: i, dimension: d)])
          term += r * (r + 2 * offset[s * d + i])
        }
        bracket += term
      }
      let stored = minimum + step * Double(layout.bracket(content, vector: vector, count: frame.count))
      guard stored <= bracket, bracket <= stored + step + slack else {
        return "vector \(vector): a bracket of \(stored) to \(stored + step), found \(bracket)"
      }
    }
    return nil
  }

  /// A list's centroid minus the centre. O(D).
  private borrowing func offsetFromCentre(_ list: Int) -> [Double] {
    let (centroids, centre) = (bytes(of: .centroids).floats(), bytes(of: .centre).floats())
    return (0..<parameters.dimension).map {
      Double(centroids[LaneBlocks.index(vector: list, component: $0, dimension: parameters.dimension)])
        - Double(centre[$0])
    }
  }
}
