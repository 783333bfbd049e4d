import PQFormat
import PQKernels
import PQTestSupport
import Testing

/// One frame's vectors, and what the integer scan must say of them.
private struct ScanCase {
  let layout: CodeLayout
  let codes: [UInt16]
  let brackets: [UInt8]
  /// `[m][tableSize]`, up to the limit, and what no code leads to.
  let entries: [UInt8]
  /// The sum of each vector's entries, without bracket.
  let sums: [Int]

  /// - Parameter areNear: the entries of each part of a table are the same.
  init(m: Int, nbits: Int, hasBracket: Bool, vectors: Int, areNear: Bool = false) {
    var values = Values(seed: UInt64(1000 * m + 2 * nbits + (hasBracket ? 1 : 0)))
    let layout = CodeLayout(m: m, nbits: nbits, hasBracket: hasBracket)
    let limit = UInt16(layout.shape.entryLimit)
    // Two numbers without a common factor, so that no two tables are the same.
    let some = values.codes(4099, nbits: 16)
    // Of two tables that share a byte of codes the first has most of the limit.
    let shares: [UInt16] = nbits <= 4 ? [limit - limit / 4, limit / 4] : [limit, limit]
    let size = layout.shape.tableSize
    let part = areNear ? 2 * (CodeShape.partSize(nbits: nbits) ?? 1) : 1  // of sets with 64 parts
    let entries = (0..<layout.shape.tableBytes).map { i in
      UInt8(some[i / part % some.count] % (shares[i / size % 2] + 1))
    }
    var codes = values.codes(vectors * m, nbits: nbits)
    // One vector of the largest code everywhere.
    for s in 0..<m { codes[s] = UInt16((1 << nbits) - 1) }
    self.layout = layout
    self.codes = codes
    self.entries = entries
    brackets = hasBracket ? values.codes(vectors, nbits: 8).map(UInt8.init) : []
    sums = (0..<vectors).map { v in
      var sum = 0
      for s in 0..<m { sum += Int(entries[s * size + Int(codes[v * m + s])]) }
      return sum
    }
  }

  func expected(_ count: Int, scale: UInt16, threshold: UInt16) -> (positions: [UInt16], sums: [UInt16]) {
    var positions: [UInt16] = []
    var found: [UInt16] = []
    for v in 0..<count {
      let bracket = brackets.isEmpty ? 0 : Int(brackets[v]) * Int(scale) / 256
      let sum = min(65535, sums[v] + bracket)
      guard sum <= threshold else { continue }
      positions.append(UInt16(v))
      found.append(UInt16(sum))
    }
    return (positions, found)
  }

  /// How many vectors' sums of minima, `parts` a table, are within the threshold; all of them where minima say nothing.
  func passing(
    _ count: Int, _ minima: Span<UInt8>, parts: Int, minimaScale: UInt16, scale: UInt16, threshold: UInt16
  ) -> Int {
    let part = layout.shape.tableSize / parts
    let limit = Int(threshold) * Int(minimaScale) / 32768
    if threshold == .max || parts == 128 && limit >= 255 { return count }
    return (0..<count).count { v in
      var sum = 0
      for s in 0..<layout.m { sum += Int(minima[s * parts + Int(codes[v * layout.m + s]) / part]) }
      guard layout.hasBracket else { return sum <= limit }
      // Two brackets share a part, too.
      let bracket = Int(brackets[v]) & (parts == 128 ? ~1 : ~0)
      return sum + bracket * Int(scale) / 256 * Int(minimaScale) / 32768 <= limit
    }
  }
}

@Suite struct ScanTests {
  private static let counts = [
    1, 15, 16, 17, 31, 32, 33, 47, 48, 63, 64, 65, 97, 100, 112, 127, 128, 129, 255, 256, 257, 300, 1025,
  ]

  /// Every instruction set gives the sums of the oracle, and reads or writes nothing outside its buffers.
  @Test(arguments: 1...16) func sumsAreThoseOfTheTables(nbits: Int) {
    // Tables of many codes take long to make, and so do frames of many subspaces, which try no more kinds of strips, nor do
    // widths between those that planes can hold.
    for m in [1, 2, 5] + (nbits <= 12 ? [16] : []) + ([1, 4, 5, 8].contains(nbits) ? [300] : []) {
      let counts = m < 16 && nbits % 4 < 2 ? Self.counts : [1, 17, 64, 65, 129, 300]
      for hasBracket in [false, true] {
        let test = ScanCase(m: m, nbits: nbits, hasBracket: hasBracket, vectors: counts[counts.count - 1])
        for count in counts { check(test, count) }
      }
    }
  }

  private func check(_ test: ScanCase, _ count: Int) {
    let layout = test.layout
    var bytes: [UInt8] = []
    layout.appendFrame(
      test.codes.span.extracting(0..<count * layout.m), brackets: test.brackets, to: &bytes)
    let content = GuardedBuffer(bytes)
    let entries = GuardedBuffer(test.entries)
    let expectedCRC = Kernels.available[Kernels.available.count - 1].crc32c(content.rawSpan, continuing: 0x1234_5678)
    checkSums(test, count, content.rawSpan, expectedCRC)
    let middle = UInt16(min(65535, test.sums[..<count].sorted()[count / 2]))
    for scale: UInt16 in layout.hasBracket ? [0, 1, 300, 65535] : [0] {
      for threshold in scale == 0 ? Set([0, middle, middle &+ 100, 65534, 65535]) : [middle, 65535] {
        let expected = test.expected(count, scale: scale, threshold: threshold)
        for kernels in Kernels.available {
          var positions = GuardedBuffer<UInt16>(repeating: 0xAAAA, count: count)
          var sums = GuardedBuffer<UInt16>(repeating: 0xAAAA, count: count)
          let frame = CodeFrame(content.rawSpan, next: content.rawSpan.slice(0, 0), count: count, shape: layout.shape)
          var p = positions.mutableSpan
          var s = sums.mutableSpan
          let found = kernels.scan(
            frame, entries: entries.span, minima: Span(), scale: 0, bracketScale: scale, threshold: threshold,
            positions: &p,
            sums: &s
          ).found
          let (foundPositions, foundSums) = ((0..<found).map { p[$0] }, (0..<found).map { s[$0] })
          let context = "\(kernels.name), m \(layout.m), \(count) vectors, scale \(scale), threshold \(threshold)"
          #expect(foundPositions == expected.positions, "\(context)")
          #expect(foundSums == expected.sums, "\(context)")
          if kernels.checksAsItScans(nbits: layout.nbits) {
            var crc: UInt32 = 0x1234_5678
            let again = kernels.scan(
              frame, entries: entries.span, bracketScale: scale, threshold: threshold, positions: &p, sums: &s,
              crc: &crc)
            #expect((0..<again).map { p[$0] } == foundPositions && (0..<again).map { s[$0] } == foundSums, "\(context)")
            #expect(crc == expectedCRC, "\(context)")
          }
        }
      }
    }
  }

  /// Codes that are none, as a file may have that is overwritten after it was checked, lead nowhere outside the tables.
  @Test(arguments: [9, 10, 11, 13, 15]) func otherCodesStayInside(nbits: Int) {
    for m in [1, 2, 5] {
      let shape = CodeLayout(m: m, nbits: nbits).shape
      let entries = GuardedBuffer<UInt8>(repeating: 1, count: shape.tableBytes)
      for count in [1, 64, 300] {
        let content = GuardedBuffer<UInt8>(repeating: 0xFF, count: CodeLayout(m: m, nbits: nbits).frameBytes(count))
        let frame = CodeFrame(content.rawSpan, count: count, shape: shape)
        for kernels in Kernels.available {
          var minima = [UInt8](repeating: 0, count: kernels.minimaCount(shape))
          var minimaSpan = minima.mutableSpan
          let scale =
            minimaSpan.isEmpty
            ? 0 : kernels.partMinima(entries.span, shape: shape, threshold: 65534, into: &minimaSpan)
          for _ in 0..<2 {
            var (positions, sums) = ([UInt16](repeating: 0, count: count), [UInt16](repeating: 0, count: count))
            var p = positions.mutableSpan
            var s = sums.mutableSpan
            let found = kernels.scan(
              frame, entries: entries.span, minima: minima.span, scale: scale, bracketScale: 0, threshold: 65534,
              positions: &p, sums: &s)
            // All entries are 1, and so is what no code leads to.
            #expect(found.found == count && sums.allSatisfy { $0 == m }, "\(kernels.name), m \(m), \(count) vectors")
            minima = []
          }
          var all = [UInt16](repeating: 0, count: Kernels.sumRoom(count))
          var output = all.mutableSpan
          kernels.sums(frame, entries: entries.span, bracketScale: 0, offset: 0, into: &output)
          #expect(all.count { $0 == m } == count, "\(kernels.name), m \(m), \(count) vectors")
        }
      }
    }
  }

  /// Minima tell at most what all entries would; what is found is the same, whether few vectors pass them or all do.
  @Test(arguments: [5, 7, 8, 9, 10, 11, 12]) func minimaFindTheSame(nbits: Int) {
    for m in nbits <= 8 ? [1, 8, 32, 300] : [1, 2, 5, 17] {
      for (hasBracket, areNear) in [(false, true), (true, true), (true, false)] {
        let counts = m == 300 ? [300] : m == 8 || m == 5 ? Self.counts : [1, 17, 64, 129, 300, 1025]
        let test = ScanCase(
          m: m, nbits: nbits, hasBracket: hasBracket, vectors: counts[counts.count - 1], areNear: areNear)
        for kernels in Kernels.available where kernels.minimaCount(test.layout.shape) > 0 {
          for count in counts {
            // What follows is loaded: less and more than a strip and than what lies ahead.
            for nextBytes in count < 256 ? [0] : [0, 100, 5000, 20_000] {
              checkMinima(test, count, kernels, areNear: areNear, nextBytes: nextBytes)
            }
          }
        }
      }
    }
  }

  private func checkMinima(
    _ test: ScanCase, _ count: Int, _ kernels: Kernels, areNear: Bool, nextBytes: Int
  ) {
    let layout = test.layout
    var bytes: [UInt8] = []
    layout.appendFrame(test.codes.span.extracting(0..<count * layout.m), brackets: test.brackets, to: &bytes)
    let content = GuardedBuffer(bytes + [UInt8](repeating: 0, count: nextBytes))
    let entries = GuardedBuffer(test.entries)
    let frame = CodeFrame(
      content.rawSpan.slice(0, bytes.count), next: content.rawSpan.slice(bytes.count, nextBytes), count: count,
      shape: layout.shape, streams: count >= 256)
    let scale: UInt16 = layout.hasBracket ? 300 : 0
    let sorted = test.expected(count, scale: scale, threshold: 65535).sums.sorted()
    for threshold in Set([0, sorted[0], sorted[count / 50], sorted[count / 2], 65534, 65535]) {
      let expected = test.expected(count, scale: scale, threshold: threshold)
      // Made for this threshold, and for others.
      let others = [threshold / 2, threshold &+ threshold / 3].filter { _ in threshold == sorted[count / 50] }
      for reach in [threshold] + (kernels.scalesMinima ? others : []) {
        var minima = GuardedBuffer<UInt8>(repeating: 0xAA, count: kernels.minimaCount(layout.shape))
        let minimaScale = fill(&minima, test, reach, kernels)
        var positions = GuardedBuffer<UInt16>(repeating: 0xAAAA, count: count)
        var sums = GuardedBuffer<UInt16>(repeating: 0xAAAA, count: count)
        var p = positions.mutableSpan
        var s = sums.mutableSpan
        let (found, passed) = kernels.scan(
          frame, entries: entries.span, minima: minima.span, scale: minimaScale, bracketScale: scale,
          threshold: threshold, positions: &p, sums: &s)
        let context = "\(kernels.name), m \(layout.m), \(count) vectors, threshold \(threshold), minima for \(reach)"
        #expect((0..<found).map { p[$0] } == expected.positions, "\(context)")
        #expect((0..<found).map { s[$0] } == expected.sums, "\(context)")
        let expectedPassed = test.passing(
          count, minima.span, parts: kernels.minimaCount(layout.shape) / layout.m, minimaScale: minimaScale,
          scale: scale, threshold: threshold)
        // Of codes of a byte more of the first ones have the rest looked at one by one.
        let isExact = layout.nbits > 8 || expectedPassed <= 8 || expectedPassed == count
        #expect(isExact ? passed == expectedPassed : (expectedPassed...count).contains(passed), "\(context)")
      }
    }
  }

  /// Minima for a threshold; returns their scale.
  private func fill(
    _ minima: inout GuardedBuffer<UInt8>, _ test: ScanCase, _ threshold: UInt16, _ kernels: Kernels
  ) -> UInt16 {
    let shape = test.layout.shape
    let part = shape.m * shape.tableSize / kernels.minimaCount(shape)
    let entries = GuardedBuffer(test.entries)
    var output = minima.mutableSpan
    let scale = kernels.partMinima(entries.span, shape: shape, threshold: threshold, into: &output)
    let right = output.indices.allSatisfy {
      Int(output[$0]) == Int(test.entries[part * $0..<part * ($0 + 1)].min() ?? 0) * Int(scale) / 32768
    }
    #expect(right, "\(kernels.name), m \(shape.m), minima for \(threshold)")
    return scale
  }

  /// All sums, moved by an offset, those past the last vector at 65,535; and which of them are in a range.
  private func checkSums(_ test: ScanCase, _ count: Int, _ content: RawSpan, _ crc: UInt32) {
    let layout = test.layout
    let scale: UInt16 = layout.hasBracket ? 300 : 0
    let frame = CodeFrame(content, count: count, shape: layout.shape)
    for offset: UInt16 in [0, 1000] {
      let sums = test.expected(count, scale: scale, threshold: 65535).sums
      let moved = sums.map { UInt16(min(65535, Int($0) + Int(offset))) }
      let middle = moved.sorted()[count / 2]
      var first: [UInt16]?
      for kernels in Kernels.available {
        let context = "\(kernels.name), m \(layout.m), nbits \(layout.nbits), \(count) vectors, offset \(offset)"
        var sums = GuardedBuffer<UInt16>(repeating: 0xAAAA, count: Kernels.sumRoom(count))
        var output = sums.mutableSpan
        kernels.sums(frame, entries: test.entries.span, bracketScale: scale, offset: offset, into: &output)
        let all = (0..<output.count).map { output[$0] }
        first = first ?? all
        #expect(all == first, "\(context)")
        #expect(all.sorted() == (moved + [UInt16](repeating: .max, count: all.count - count)).sorted(), "\(context)")
        if kernels.checksAsItScans(nbits: layout.nbits) {
          var found: UInt32 = 0x1234_5678
          kernels.sums(
            frame, entries: test.entries.span, bracketScale: scale, offset: offset, into: &output, crc: &found)
          #expect((0..<output.count).map { output[$0] } == all && found == crc, "\(context)")
        }
        for range in [0...middle, middle...min(65534, middle &+ 100), 0...65534] where range.upperBound < .max {
          var positions = GuardedBuffer<UInt16>(repeating: 0xAAAA, count: all.count)
          var selected = GuardedBuffer<UInt16>(repeating: 0xAAAA, count: all.count)
          var p = positions.mutableSpan
          var s = selected.mutableSpan
          let found = kernels.select(range, ofTiles: all.span, offset: offset, positions: &p, sums: &s)
          let expected = moved.indices.filter { range.contains(moved[$0]) }
          #expect((0..<found).map { Int(p[$0]) } == expected, "\(context), \(range)")
          #expect((0..<found).map { s[$0] } == expected.map { moved[$0] - offset }, "\(context), \(range)")
        }
      }
    }
  }

  /// A checksum taken while scanning is that of all bytes of the frame, also of those past its planes.
  @Test(arguments: Kernels.available.filter { $0.checksAsItScans(nbits: 8) })
  func checksumsOfAnyLength(kernels: Kernels) {
    let test = ScanCase(m: 5, nbits: 8, hasBracket: true, vectors: 300)
    let layout = test.layout
    let scalar = Kernels.available[Kernels.available.count - 1]
    for count in [1, 64, 300] {
      var planes: [UInt8] = []
      layout.appendFrame(test.codes.span.extracting(0..<count * layout.m), brackets: test.brackets, to: &planes)
      let expected = test.expected(count, scale: 300, threshold: 65535)
      for extra in 0..<16 {
        let content = GuardedBuffer(planes + (0..<extra).map { UInt8(16 * $0 + 1) })
        var (positions, sums) = ([UInt16](repeating: 0, count: count), [UInt16](repeating: 0, count: count))
        var p = positions.mutableSpan
        var s = sums.mutableSpan
        var crc: UInt32 = 0x1234_5678
        let found = kernels.scan(
          CodeFrame(content.rawSpan, count: count, shape: layout.shape), entries: test.entries.span,
          bracketScale: 300, threshold: 65535, positions: &p, sums: &s, crc: &crc)
        #expect(found == count && positions == expected.positions && sums == expected.sums)
        #expect(crc == scalar.crc32c(content.rawSpan, continuing: 0x1234_5678), "\(count) vectors, \(extra) bytes")
      }
    }
  }

  /// Sums of the largest entries with the largest bracket stay at 65535.
  @Test(arguments: [1, 4, 7, 8, 12, 16]) func sumsSaturate(nbits: Int) {
    for m in [1, 2, 255, 256, 257] {
      let layout = CodeLayout(m: m, nbits: nbits, hasBracket: true)
      let limit = layout.shape.entryLimit
      // Of two tables that share a byte of codes the first has all of the limit.
      var entries = [UInt8](repeating: UInt8(limit), count: layout.shape.tableBytes)
      if nbits <= 4 {
        for s in stride(from: 1, to: m, by: 2) { for j in 0..<16 { entries[s * layout.shape.tableSize + j] = 0 } }
      }
      let largest = limit * (nbits <= 4 ? (m + 1) / 2 : m)
      var bytes: [UInt8] = []
      let codes = [UInt16](repeating: 0, count: 70 * m)
      layout.appendFrame(codes.span, brackets: (0..<70).map { UInt8($0 * 3) + 48 }, to: &bytes)
      for kernels in Kernels.available {
        var positions = [UInt16](repeating: 0, count: 70)
        var sums = [UInt16](repeating: 0, count: 70)
        var p = positions.mutableSpan
        var s = sums.mutableSpan
        let frame = CodeFrame(bytes.rawSpan, next: bytes.rawSpan.slice(0, 0), count: 70, shape: layout.shape)
        let found = kernels.scan(
          frame, entries: entries.span, minima: Span(), scale: 0, bracketScale: 65535, threshold: 65535, positions: &p,
          sums: &s
        ).found
        let expected = (0..<70).map { UInt16(min(65535, largest + ($0 * 3 + 48) * 65535 / 256)) }
        #expect(found == 70)
        #expect(sums == expected, "\(kernels.name), m \(m)")
      }
    }
  }
}
