import PQKernels
import PQModel
import PQTestSupport
import Testing

@Suite struct CodewordOrderTests {
  private func pack(_ vectors: [[Float]]) -> [Float] {
    let components = vectors.flatMap { $0 }
    return LaneBlocks.pack(components.span, dimension: vectors[0].count)
  }

  /// Codewords that stand in fours far from each other, and in these in twos, are ordered by these parts, however they were
  /// mixed.
  @Test(arguments: [2, 4]) func smallPartsAreFound(part: Int) {
    var words: [Double] = []
    for word in 0..<256 {
      // A number without a common factor with 256 visits all.
      let mixed = word * 91 % 256
      words += [Double(mixed / 4 % 8) * 10, Double(mixed / 32) * 10, Double(mixed % 4 / 2) + Double(mixed % 2) * 0.1]
    }
    let order = CodewordOrder(words: words, centroids: [], dimension: 3).order(of: words, part: part)
    #expect(order.sorted() == Array(0..<256))
    for first in stride(from: 0, to: 256, by: part) {
      #expect(Set(order[first..<first + part].map { $0 * 91 % 256 / part }).count == 1)
    }
  }

  /// So are larger parts.
  @Test func partsOfManyAreFound() {
    let count = 1024
    let words = (0..<count).flatMap { (word: Int) -> [Double] in
      let mixed = word * 91 % count
      return [Double(mixed / 16 % 8) * 10, Double(mixed / 128) * 10, Double(mixed % 16) * 0.1]
    }
    let order = CodewordOrder(words: words, centroids: [], dimension: 3).order(of: words, part: 16)
    #expect(order.sorted() == Array(0..<count))
    for first in stride(from: 0, to: count, by: 16) {
      #expect(Set(order[first..<first + 16].map { $0 * 91 % count / 16 }).count == 1)
    }
    // Parts are not halved again.
    let whole = CodewordOrder(words: words, centroids: [], dimension: 3).order(of: words, part: count)
    #expect(whole == Array(0..<count))
  }

  /// Where centroids differ in one component alone, inner products with queries do too, and that one says what is near.
  @Test func centroidsSayWhatIsNear() {
    let words = (0..<256).flatMap { (word: Int) -> [Double] in [Double(word % 64) / 64, Double(word / 64) / 4] }
    let centroids = (0..<100).flatMap { (list: Int) -> [Double] in [Double(list), 7] }
    let order = CodewordOrder(words: words, centroids: centroids, dimension: 2).order(of: words, part: 4)
    for first in stride(from: 0, to: 256, by: 4) {
      #expect(Set(order[first..<first + 4].map { words[2 * $0] }).count == 1)
    }
    let unaware = CodewordOrder(words: words, centroids: [], dimension: 2).order(of: words, part: 4)
    #expect(unaware != order)
  }

  /// All words are there, whatever they are, and in the same order each time.
  @Test(arguments: [0, 1, Double.greatestFiniteMagnitude, .infinity, .nan]) func anyWords(value: Double) {
    let words = [Double](repeating: value, count: 32 * 3)
    let order = CodewordOrder(words: words, centroids: [value, 0, 1], dimension: 3).order(of: words, part: 4)
    #expect(order.sorted() == Array(0..<32))
    #expect(order == CodewordOrder(words: words, centroids: [value, 0, 1], dimension: 3).order(of: words, part: 4))
  }

  /// A quantizer keeps its codewords, each subspace its own, for any number of threads; codes of 5 to 12 bits are ordered.
  @Test(arguments: [4, 5, 8, 9, 12, 13]) func quantizersKeepTheirWords(nbits: Int) {
    let (m, words) = (3, 1 << nbits)
    let books = (0..<m).map { SeededVectors.floats(rows: words, dimension: 4, seed: UInt64($0)) }
    let blocks = books.flatMap { book in pack(book) }
    let plain = ProductQuantizer(dimension: 12, m: m, nbits: nbits, codebooks: blocks)
    let centroids = SeededVectors.floats(rows: 2000, dimension: 12, seed: 9)
    let coarse = CoarseQuantizer(dimension: 12, nlist: 2000, blocks: pack(centroids))
    for residualsOf in [nil, coarse] {
      let ordered = plain.ordered(residualsOf: residualsOf, threads: 1)
      #expect(ordered.codebooks == plain.ordered(residualsOf: residualsOf, threads: 3).codebooks)
      #expect((ordered.codebooks == plain.codebooks) == !(5...12).contains(nbits))
      for s in 0..<m {
        let found = (0..<words).map { word in (0..<4).map { ordered.component($0, of: word, subspace: s) } }
        #expect(Set(found) == Set(books[s]))
      }
    }
  }
}
