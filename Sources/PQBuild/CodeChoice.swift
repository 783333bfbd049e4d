internal import PQFormat

/// A choice of m and nbits by the size of the file that they lead to.
struct CodeChoice: Sendable {
  /// All but m and nbits are given: dimension, nlist, vectors, ids.
  let index: IndexParameters
  let count: UInt64

  /// The m and nbits whose codes have the most bits within `target` bytes of file per vector; 8 bits a code, the fast
  /// path of search, where these have at least three quarters of them.
  /// - Throws: `.usage` where no code is small enough.
  func choose(target: Double) throws(BuildError) -> (m: Int, nbits: Int, bytes: Double) {
    var best: (m: Int, nbits: Int, bytes: Double)?
    var bestOfEight = best
    var smallest = Double.infinity
    func bits(_ choice: (m: Int, nbits: Int, bytes: Double)?) -> Int { choice.map { $0.m * $0.nbits } ?? 0 }
    for m in 1...index.dimension where index.dimension % m == 0 {
      // A codebook with fewer vectors than this a centroid would not be learned.
      for nbits in 4...12 where UInt64(39 << nbits) <= count || nbits <= 8 {
        let bytes = bytesPerVector(m: m, nbits: nbits)
        smallest = min(smallest, bytes)
        guard bytes <= target else { continue }
        let choice = (m: m, nbits: nbits, bytes: bytes)
        if m * nbits > bits(best) { best = choice }
        if nbits == 8, m * nbits > bits(bestOfEight) { bestOfEight = choice }
      }
    }
    guard let best else {
      throw .usage(
        "--target-bytes \(target): the smallest codes already take \(Self.rounded(smallest)) bytes per vector of the file; "
          + "give more, or fewer lists")
    }
    if let bestOfEight, 4 * bits(bestOfEight) >= 3 * bits(best) { return bestOfEight }
    return best
  }

  /// About how many bytes the file will have per vector, every list being of mean length. Codes are not expected to
  /// compress.
  func bytesPerVector(m: Int, nbits: Int) -> Double {
    var index = index
    index.m = m
    index.nbits = nbits
    let n = Double(max(1, count))
    let lists = Double(index.listCount)
    let perList = UInt64((n / lists).rounded(.up))
    let planes = Double(index.codeLayout?.planes ?? 0)
    let lanes = n + lists * Double(CodeLayout.laneStep - 1) / 2
    // The widest of a frame's gaps is about ln 1024 times the mean one, which is the number of lists.
    let gapBits = (7 * lists).exponent + 1
    let ids = index.storesIDs ? n * Double((Int(gapBits) + 7) / 8) : 0
    let frames = IndexParameters.frameSections.reduce(0) { $0 + index.frames(of: $1, listCount: perList) }
    let directory = lists * Double(ListEntry.byteCount + Int(frames) * FrameEntry.byteCount)
    let centre = index.hasBracket ? index.dimension : 0
    let model = 4 * Double(index.centroidFloats + m * index.codebookFloats + index.rotationFloats + centre)
    return (planes * lanes + ids + n * Double(index.rowBytes) + directory + model) / n
  }

  static func rounded(_ bytes: Double) -> Double { (bytes * 100).rounded() / 100 }
}
