import PQFormat
import PQKernels
import Testing

/// Tiles as Formats/pqx-v1.md, "Code tiles", describes them: where the low and the high part of a code are.
private struct TileDescription {
  let m: Int
  let nbits: Int

  var isNibble: Bool { nbits <= 4 }
  var low: Int { isNibble ? (m + 1) / 2 : m }
  var planes: Int { low + (nbits <= 8 ? 0 : nbits <= 12 ? (m + 1) / 2 : m) }

  /// Byte and shift of each part of a code, low part first, and the bits of the part.
  func places(_ vector: Int, _ s: Int, of count: Int) -> [(byte: Int, shift: Int, bits: Int)] {
    let tile = vector / 64
    let lanes = min(64, (count - 64 * tile + 15) / 16 * 16)
    func byte(_ plane: Int) -> Int { 64 * planes * tile + plane * lanes + vector % 64 }
    switch nbits {
    case ...4: return [(byte(s / 2), s % 2 * 4, 4)]
    case ...8: return [(byte(s), 0, 8)]
    case ...12: return [(byte(s), 0, 8), (byte(low + s / 2), s % 2 * 4, 4)]
    default: return [(byte(s), 0, 8), (byte(low + s), 0, 8)]
    }
  }

  func frame(_ codes: [UInt16]) -> [UInt8] {
    let count = codes.count / m
    var bytes = [UInt8](repeating: 0, count: planes * ((count + 15) / 16 * 16))
    for v in 0..<count {
      for s in 0..<m {
        var rest = codes[v * m + s]
        for place in places(v, s, of: count) {
          bytes[place.byte] |= UInt8(rest & (1 << place.bits - 1)) << place.shift
          rest >>= place.bits
        }
      }
    }
    return bytes
  }
}

@Suite struct CodeTilesTests {
  /// Vectors of a frame, put together from parts of other frames plane by plane, are the frame of their codes.
  @Test(arguments: 1...16) func copiedPartsAreTheFrame(nbits: Int) {
    var random = SplitMix64(seed: UInt64(nbits))
    for m in [3, 4] {
      for hasBracket in [false, true] {
        let layout = CodeLayout(m: m, nbits: nbits, hasBracket: hasBracket)
        for count in [1, 16, 17, 64, 65, 300] {
          let codes = (0..<count * m).map { _ in UInt16(truncatingIfNeeded: random.next()) >> UInt16(16 - nbits) }
          let brackets = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
          var (expected, tiles, frame) = ([UInt8](), [UInt8](), [UInt8]())
          layout.appendFrame(codes.span, brackets: brackets, to: &expected)
          var next = 0
          while next < count {
            // A part of a frame that has other vectors too.
            let part = min(count - next, 1 + Int(random.next() % 90))
            let (before, after) = (Int(random.next() % 70), Int(random.next() % 70))
            let others = [UInt16](repeating: 1, count: m * max(before, after))
            let all = Array(others[..<(before * m)] + codes[next * m..<(next + part) * m] + others[..<(after * m)])
            var other: [UInt8] = []
            layout.appendFrame(
              all.span, brackets: [UInt8](repeating: 0xFF, count: before + part + after), to: &other)
            layout.copyCodes(
              other.rawSpan, before..<before + part, count: before + part + after, to: &tiles, after: next)
            next += part
          }
          #expect(tiles.count == layout.openTiles(count) * layout.openTileBytes)
          layout.appendFrame(tiles.rawSpan, count: count, brackets: brackets, to: &frame)
          #expect(frame == expected, "m \(m), \(count) vectors")
          let read = (0..<count * m).map { i in
            var lanes = InlineArray<64, UInt16>(repeating: 0)
            let tile = tiles.rawSpan.slice(i / m / 64 * layout.openTileBytes, layout.openTileBytes)
            layout.readCodes(tile, subspace: i % m, into: &lanes)
            return lanes[i / m % 64]
          }
          #expect(read == codes, "m \(m), \(count) vectors")
        }
      }
    }
  }

  /// A code that its planes can hold but no codebook has is found in any place; lanes without a vector do not matter.
  @Test(arguments: 1...16) func otherCodesAreFound(nbits: Int) {
    for m in [3, 4] {
      let layout = CodeLayout(m: m, nbits: nbits)
      for (count, place) in [(1, 0), (70, 5), (70, 3 * m + 1), (70, 70 * m - 1)] {
        var codes = [UInt16](repeating: UInt16(truncatingIfNeeded: 1 << nbits - 1), count: count * m)
        var frame: [UInt8] = []
        layout.appendFrame(codes.span, to: &frame)
        frame[frame.count - 1] = 0xFF  // a lane without a vector
        #expect(layout.problem(frame.rawSpan, count: count) == nil)
        guard layout.canHoldOtherCodes else { continue }
        codes[place % codes.count] = 1 << UInt16(nbits)
        frame = []
        layout.appendFrame(codes.span, to: &frame)
        #expect(layout.problem(frame.rawSpan, count: count) != nil, "m \(m), code \(place) of \(count) vectors")
      }
    }
  }

  @Test(arguments: 1...16) func framesRoundTrip(nbits: Int) {
    var random = SplitMix64(seed: UInt64(nbits))
    for m in [3, 4] {
      let layout = CodeLayout(m: m, nbits: nbits)
      for count in [0, 1, 15, 16, 17, 63, 64, 65, 1000] {
        let codes = (0..<count * m).map { _ in UInt16(truncatingIfNeeded: random.next()) >> UInt16(16 - nbits) }
        var frame: [UInt8] = []
        layout.appendFrame(codes.span, to: &frame)
        #expect(frame == TileDescription(m: m, nbits: nbits).frame(codes), "m \(m), \(count) vectors")
        #expect(frame.count == layout.frameBytes(count))
        let read = (0..<count * m).map { i in
          layout.code(frame.rawSpan, vector: i / m, subspace: i % m, count: count)
        }
        #expect(read == codes, "m \(m), \(count) vectors")
      }
    }
  }

  /// The bracket plane is the last of every tile, and codes stand as without it.
  @Test(arguments: [1, 4, 7, 8, 11, 16]) func bracketsAreTheLastPlane(nbits: Int) {
    var random = SplitMix64(seed: UInt64(nbits))
    let layout = CodeLayout(m: 3, nbits: nbits, hasBracket: true)
    for count in [1, 16, 17, 64, 65, 200] {
      let codes = (0..<count * 3).map { _ in UInt16(truncatingIfNeeded: random.next()) >> UInt16(16 - nbits) }
      let brackets = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      var frame: [UInt8] = []
      layout.appendFrame(codes.span, brackets: brackets, to: &frame)
      let plain = TileDescription(m: 3, nbits: nbits)
      let without = plain.frame(codes)
      var expected: [UInt8] = []
      for first in stride(from: 0, to: count, by: 64) {
        let lanes = min(64, (count - first + 15) / 16 * 16)
        expected += without[first * plain.planes..<first * plain.planes + lanes * plain.planes]
        expected += brackets[first..<min(count, first + 64)]
        expected += [UInt8](repeating: 0, count: first + lanes - min(count, first + lanes))
      }
      #expect(frame == expected, "\(count) vectors")
      #expect(frame.count == layout.frameBytes(count))
      let read = (0..<count * 3).map { layout.code(frame.rawSpan, vector: $0 / 3, subspace: $0 % 3, count: count) }
      #expect(read == codes)
      #expect((0..<count).map { layout.bracket(frame.rawSpan, vector: $0, count: count) } == brackets)
      #expect(layout.nonzeroPadding(frame.rawSpan, count: count) == nil)
      guard count % 16 != 0 else { continue }
      frame[frame.count - 1] = 1
      #expect(layout.nonzeroPadding(frame.rawSpan, count: count) == frame.count - 1)
    }
  }

  /// The rows of the table in Formats/pqx-v1.md.
  @Test func sizesAreThoseOfTheFormat() {
    let rows = [
      (3, 4, 2, 64, 224), (16, 8, 16, 64, 1792), (3, 11, 5, 64, 560), (4, 16, 8, 64, 896), (512, 8, 512, 32, 57_344),
      (65_536, 16, 131_072, 1, 14_680_064),
    ]
    for (m, nbits, planes, tiles, bytes) in rows {
      let layout = CodeLayout(m: m, nbits: nbits)
      #expect(layout.planes == planes)
      #expect(layout.tilesPerFrame == tiles)
      #expect(layout.vectorsPerFrame == 64 * tiles)
      #expect(layout.frameBytes(100) == bytes)
    }
    // What any value of the planes leads to past the last table of codewords.
    let wide = CodeLayout(m: 3, nbits: 11).shape
    #expect(wide.planeValues == 4096 && wide.tableSize == 2048 && wide.tableBytes == 2 * 2048 + 4096)
    let narrow = CodeLayout(m: 3, nbits: 5).shape
    #expect(narrow.planeValues == 256 && narrow.tableSize == 256 && narrow.tableBytes == 3 * 256)
    let brackets = CodeLayout(m: 16, nbits: 8, hasBracket: true)
    #expect(brackets.planes == 17 && brackets.vectorsPerFrame == 4096 && brackets.frameBytes(100) == 1904)
  }

  @Test func examplesOfTheFormat() {
    func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
    var frame: [UInt8] = []
    CodeLayout(m: 3, nbits: 4).appendFrame([0xA, 0xB, 0xC].span, to: &frame)
    #expect(frame == [0xBA] + zeros(15) + [0x0C] + zeros(15))
    frame = []
    CodeLayout(m: 2, nbits: 12).appendFrame([0x123, 0xABC].span, to: &frame)
    #expect(frame == [0x23] + zeros(15) + [0xBC] + zeros(15) + [0xA1] + zeros(15))
  }
}
