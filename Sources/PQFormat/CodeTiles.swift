internal import PQKernels

/// Codes ↔ tiles (Formats/pqx-v1.md, "Code tiles").
extension CodeLayout {
  /// Appends one frame: the tiles of `codes` `[vector][m]`, at most ``vectorsPerFrame`` vectors. O(codes).
  /// - Parameter brackets: a byte a vector, where the layout has brackets.
  package func appendFrame(_ codes: Span<UInt16>, brackets: [UInt8] = [], to bytes: inout [UInt8]) {
    let count = codes.count / m
    var tile = [UInt8](repeating: 0, count: planes * Self.tileLanes)
    for first in stride(from: 0, to: count, by: Self.tileLanes) {
      let vectors = min(Self.tileLanes, count - first)
      let lanes = Self.lanes(vectors)
      for i in tile.indices { tile[i] = 0 }
      if CodeShape.fillsByte(nbits: nbits) {
        putBytes(codes.extracting(first * m..<(first + vectors) * m), lanes, &tile)
      } else {
        for lane in 0..<vectors {
          for s in 0..<m { put(codes[(first + lane) * m + s], s, lane, lanes, &tile) }
        }
      }
      if hasBracket {
        for lane in 0..<vectors { tile[codePlanes * lanes + lane] = brackets[first + lane] }
      }
      bytes.append(contentsOf: tile[..<(planes * lanes)])
    }
  }

  /// The code of subspace `s` of vector `index` in a frame of `count` vectors.
  package func code(_ frame: RawSpan, vector index: Int, subspace s: Int, count: Int) -> UInt16 {
    let first = index / Self.tileLanes * Self.tileLanes
    let lanes = Self.lanes(min(Self.tileLanes, count - first))
    let tile = planes * first
    let lane = index - first
    func byte(_ plane: Int) -> UInt16 { UInt16(frame.u8(at: tile + plane * lanes + lane)) }
    func nibble(_ plane: Int) -> UInt16 { s & 1 == 0 ? byte(plane) & 15 : byte(plane) >> 4 }
    if nbits <= 4 { return nibble(s / 2) }
    if nbits <= 8 { return byte(s) }
    if nbits <= 12 { return byte(s) | nibble(lowPlanes + s / 2) << 8 }
    return byte(s) | byte(lowPlanes + s) << 8
  }

  /// The bracket of vector `index` in a frame of `count` vectors.
  /// - Precondition: the layout has brackets.
  package func bracket(_ frame: RawSpan, vector index: Int, count: Int) -> UInt8 {
    let first = index / Self.tileLanes * Self.tileLanes
    let lanes = Self.lanes(min(Self.tileLanes, count - first))
    return frame.u8(at: planes * first + codePlanes * lanes + index - first)
  }

  /// The first code of a frame of `count` vectors that its planes can hold but no codebook has; nil if none. O(frame).
  package func problem(_ frame: RawSpan, count: Int) -> String? {
    guard canHoldOtherCodes, mayHoldOtherCodes(frame, count: count) else { return nil }
    for vector in 0..<count {
      for s in 0..<m {
        let code = code(frame, vector: vector, subspace: s, count: count)
        if code >> UInt16(nbits) != 0 {
          return "vector \(vector), subspace \(s): code \(code) is not below 2^\(nbits)"
        }
      }
    }
    return nil
  }

  /// Whether a bit is set that no code has, lanes without a vector included.
  private func mayHoldOtherCodes(_ frame: RawSpan, count: Int) -> Bool {
    // The planes of the codes' highest bits, and which bits of theirs no code has.
    let high = highPlanes > 0 ? lowPlanes : 0
    let nibbles = nbits <= 4 || (9...12).contains(nbits)
    let mask = UInt8(truncatingIfNeeded: nibbles ? (0xF << (nbits & 7) & 0xF) * 0x11 : 0xFF << (nbits & 7))
    var any: UInt8 = 0
    for first in stride(from: 0, to: count, by: Self.tileLanes) {
      let lanes = Self.lanes(min(Self.tileLanes, count - first))
      let start = planes * first
      for byte in start + high * lanes..<start + codePlanes * lanes { any |= frame.u8(at: byte) }
    }
    return any & mask != 0
  }

  /// The plane whose high nibbles are empty: an odd number of subspaces leaves those of the last nibble plane.
  var halfPlane: Int? {
    m % 2 == 0 ? nil : nbits <= 4 ? lowPlanes - 1 : highPlanes > 0 && nbits <= 12 ? codePlanes - 1 : nil
  }

  /// Where a frame of `count` vectors is not zero in a lane without a vector or a half plane without a subspace; nil if
  /// nowhere. O(frame).
  package func nonzeroPadding(_ frame: RawSpan, count: Int) -> Int? {
    let halfPlane = halfPlane
    for first in stride(from: 0, to: count, by: Self.tileLanes) {
      let vectors = min(Self.tileLanes, count - first)
      let lanes = Self.lanes(vectors)
      for plane in 0..<planes {
        let start = planes * first + plane * lanes
        for lane in vectors..<lanes where frame.u8(at: start + lane) != 0 { return start + lane }
        guard plane == halfPlane else { continue }
        for lane in 0..<vectors where frame.u8(at: start + lane) >> 4 != 0 { return start + lane }
      }
    }
    return nil
  }

  /// Puts the codes of a tile's vectors into planes of a byte a code.
  private func putBytes(_ codes: Span<UInt16>, _ lanes: Int, _ tile: inout [UInt8]) {
    var planes = tile.mutableSpan
    for s in 0..<m {
      let plane = s * lanes
      var code = s
      for lane in plane..<plane + codes.count / m {
        planes[lane] = UInt8(truncatingIfNeeded: codes[code])
        code &+= m
      }
    }
  }

  @inline(__always)
  private func put(_ code: UInt16, _ s: Int, _ lane: Int, _ lanes: Int, _ tile: inout [UInt8]) {
    let low = UInt8(truncatingIfNeeded: code)
    let high = UInt8(truncatingIfNeeded: code >> 8)
    if nbits <= 4 {
      tile[s / 2 * lanes + lane] |= low << (s & 1 == 0 ? 0 : 4)
      return
    }
    tile[s * lanes + lane] = low
    if nbits > 12 {
      tile[(lowPlanes + s) * lanes + lane] = high
    } else if nbits > 8 {
      tile[(lowPlanes + s / 2) * lanes + lane] |= high << (s & 1 == 0 ? 0 : 4)
    }
  }
}
