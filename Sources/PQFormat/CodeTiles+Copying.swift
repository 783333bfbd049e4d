/// Codes on their way from frames into others, plane by plane.
///
/// Open tiles, `[tile][code plane][64 lanes]`, hold the vectors of a frame that is being put together: how many lanes
/// its last tile is stored with is not known yet, nor are the brackets.
extension CodeLayout {
  package var openTileBytes: Int { codePlanes * Self.tileLanes }

  /// Open tiles for `count` vectors of a frame.
  package func openTiles(_ count: Int) -> Int { (count + Self.tileLanes - 1) / Self.tileLanes }

  /// Appends the codes of the vectors `range` of a frame of `count` vectors to open tiles.
  /// - Parameter filled: vectors that the tiles' frame has already. O(codes).
  package func copyCodes(
    _ frame: RawSpan, _ range: Range<Int>, count: Int, to tiles: inout [UInt8], after filled: Int
  ) {
    var vector = range.lowerBound
    var lane = filled % Self.tileLanes
    while vector < range.upperBound {
      if lane == 0 { tiles.append(contentsOf: repeatElement(0, count: openTileBytes)) }
      let first = vector / Self.tileLanes * Self.tileLanes
      let lanes = Self.lanes(min(Self.tileLanes, count - first))
      let part = min(range.upperBound - vector, first + Self.tileLanes - vector, Self.tileLanes - lane)
      var source = planes * first + vector - first
      var target = tiles.count - openTileBytes + lane
      var output = tiles.mutableSpan
      for _ in 0..<codePlanes {
        output.put(frame.slice(source, part), at: target)
        source += lanes
        target += Self.tileLanes
      }
      vector += part
      lane = (lane + part) % Self.tileLanes
    }
  }

  /// Appends the frame of `count` vectors that open tiles hold. O(codes).
  /// - Parameter brackets: a byte a vector, where the layout has brackets.
  package func appendFrame(_ tiles: RawSpan, count: Int, brackets: [UInt8], to bytes: inout [UInt8]) {
    for first in stride(from: 0, to: count, by: Self.tileLanes) {
      let vectors = min(Self.tileLanes, count - first)
      let lanes = Self.lanes(vectors)
      let start = bytes.count
      for plane in 0..<codePlanes {
        bytes.append(tiles.slice(first * codePlanes + plane * Self.tileLanes, lanes))
      }
      if let plane = halfPlane {
        for lane in start + plane * lanes..<start + (plane + 1) * lanes { bytes[lane] &= 15 }
      }
      if hasBracket {
        bytes.append(brackets.rawSpan.slice(first, vectors))
        bytes.append(contentsOf: repeatElement(0, count: lanes - vectors))
      }
    }
  }

  /// The codes of subspace `s` of the 64 lanes of one open tile.
  package func readCodes(_ tile: RawSpan, subspace s: Int, into codes: inout InlineArray<64, UInt16>) {
    let lanes = Self.tileLanes
    let shift: UInt16 = s & 1 == 0 ? 0 : 4
    if nbits <= 4 {
      let low = tile.slice(s / 2 * lanes, lanes)
      for lane in codes.indices { codes[lane] = UInt16(low.u8(at: lane)) >> shift & 15 }
      return
    }
    let low = tile.slice(s * lanes, lanes)
    if nbits <= 8 {
      for lane in codes.indices { codes[lane] = UInt16(low.u8(at: lane)) }
      return
    }
    let high = tile.slice((lowPlanes + (nbits <= 12 ? s / 2 : s)) * lanes, lanes)
    for lane in codes.indices {
      let byte = UInt16(high.u8(at: lane))
      codes[lane] = UInt16(low.u8(at: lane)) | (nbits <= 12 ? byte >> shift & 15 : byte) << 8
    }
  }
}
