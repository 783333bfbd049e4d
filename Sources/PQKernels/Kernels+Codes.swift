internal import CPQKernels

/// How the codes of a frame stand in its tiles (Formats/pqx-v1.md, "Code tiles").
@frozen package struct CodeShape: Sendable, Equatable {
  package var m: Int
  package var nbits: Int
  /// All planes of a tile.
  package var planes: Int
  /// Whether the last plane holds brackets: bytes that are no codes.
  package var hasBracket: Bool

  package init(m: Int, nbits: Int, planes: Int, hasBracket: Bool) {
    self.m = m
    self.nbits = nbits
    self.planes = planes
    self.hasBracket = hasBracket
  }

  /// Whether each code of `nbits` bits has a byte to itself.
  package static func fillsByte(nbits: Int) -> Bool { (5...8).contains(nbits) }

  /// Entries of a float table: one a codeword, at least sixteen.
  package var tableFloats: Int { max(LaneBlocks.lanes, 1 << nbits) }

  /// Whether estimates are made by tables for two codes at once.
  package var pairsTables: Bool { nbits <= 4 }

  /// Floats of the tables that estimates are made by.
  package var estimateFloats: Int { pairsTables ? (m + 1) / 2 * Int(CPQ_PAIRS) : m * tableFloats }

  /// All values that the planes of a code can hold.
  package var planeValues: Int { 1 << (nbits <= 4 ? 4 : nbits <= 8 ? 8 : nbits <= 12 ? 12 : 16) }

  /// Entries of a quantized table: no more for a wide code than there are codewords.
  package var tableSize: Int { nbits <= 8 ? planeValues : 1 << nbits }

  /// Bytes of m quantized tables, with what any value of the planes leads to past the last one.
  package var tableBytes: Int { (m - 1) * tableSize + planeValues }

  /// Entries of the smallest part of a quantized table that any set takes minima of, for codes of `nbits` bits; nil where it
  /// has none.
  package static func partSize(nbits: Int) -> Int? {
    (5...12).contains(nbits) ? (1 << max(8, nbits)) / Int(CPQ_MOST_PARTS) : nil
  }

  /// The largest entry of a quantized table, or sum of two entries whose codes share a byte, with which no such sum exceeds
  /// 8 bits and no sum of m entries 16.
  package var entryLimit: Int { min(255, 65535 / (nbits <= 4 ? (m + 1) / 2 : m)) }
}

/// One frame of code tiles.
package struct CodeFrame: ~Escapable {
  package let bytes: RawSpan
  /// The bytes that will be scanned next, to be fetched ahead; or none.
  package let next: RawSpan
  /// Vectors in the frame.
  package let count: Int
  package let shape: CodeShape
  /// Whether it is one of those of more than ``cachedBytes`` that are scanned one after the other: they are taken to come from
  /// memory.
  package let streams: Bool
  package static let cachedBytes = Int(CPQ_CACHED_BYTES)

  /// A frame that nothing follows.
  @_lifetime(copy bytes)
  package init(_ bytes: RawSpan, count: Int, shape: CodeShape) {
    self.init(bytes, next: bytes.extracting(0..<0), count: count, shape: shape)
  }

  /// - Precondition: `bytes` holds the planes of `count` vectors, their lanes rounded up to 16.
  @_lifetime(copy bytes, copy next)
  package init(_ bytes: RawSpan, next: RawSpan, count: Int, shape: CodeShape, streams: Bool = false) {
    precondition(
      count > 0 && count <= 1 << 16 && shape.m > 0 && bytes.byteCount >= shape.planes * ((count + 15) / 16 * 16),
      "the frame is shorter than its planes")
    self.bytes = bytes
    self.next = next
    self.count = count
    self.shape = shape
    self.streams = streams
  }
}

/// What quantizing float tables has found; see ``Kernels/quantize(_:shape:factor:lowest:into:)``.
package struct TableRange: Sendable {
  /// The sum of the tables' least entries; −infinity when a table is not finite.
  package var minimum: Double
  /// The sum of the tables' largest magnitudes.
  package var magnitude: Double
  /// What one unit of a quantized entry stands for; 0: every entry is 0.
  package var step: Float

  package init(minimum: Double = 0, magnitude: Double = 0, step: Float = 0) {
    self.minimum = minimum
    self.magnitude = magnitude
    self.step = step
  }
}

extension Kernels {
  /// Quantizes the float tables `[m][tableFloats]`, times `factor`, to u8 `[m][tableSize]`: floor((entry − least entry of
  /// its table) / step), within `shape.entryLimit`, with one step for all. Entries of a table past 2^nbits become 0; what
  /// follows the last table stays.
  ///
  /// Sums of quantized entries therefore bound the sums of entries, each less the least of its table, from below, but for
  /// rounding: by less than 2^-21 they may exceed them.
  /// - Parameter lowest: m floats to work with.
  package func quantize(
    _ tables: Span<Float>, shape: CodeShape, factor: Float, lowest: inout MutableSpan<Float>,
    into entries: inout MutableSpan<UInt8>
  ) -> TableRange {
    precondition(
      tables.count >= shape.m * shape.tableFloats && entries.count >= shape.tableBytes
        && lowest.count >= shape.m, "tables are too short")
    return unsafe tables.withUnsafeBufferPointer { tables in
      unsafe entries.withUnsafeMutableBufferPointer { entries in
        unsafe lowest.withUnsafeMutableBufferPointer { lowest in
          let range = unsafe table.pointee.quantize(
            tables.baseAddress, shape.m, shape.tableSize, 1 << shape.nbits, factor, UInt32(shape.entryLimit),
            lowest.baseAddress, entries.baseAddress)
          return TableRange(minimum: range.minimum, magnitude: range.magnitude, step: range.step)
        }
      }
    }
  }

  /// Canonical ADC distances of the vectors `positions` of a frame: `base` plus one entry of each table, subspaces
  /// ascending.
  /// - Parameter tables: `[m][tableFloats]`.
  package func distances(
    _ frame: borrowing CodeFrame, positions: Span<UInt16>, tables: Span<Float>, base: Float,
    into output: inout MutableSpan<Float>
  ) {
    precondition(tables.count >= frame.shape.m * frame.shape.tableFloats, "tables are too short")
    unsafe withTables(frame, positions, tables, &output) { codes, positions, tables, output in
      unsafe table.pointee.adc_tables(codes, tables, base, positions.baseAddress, positions.count, output)
    }
  }

  /// Tables for two codes at once, of up to 4 bits each: `[pair][high code][low code]`, sums of entries of the tables
  /// `[m][tableFloats]`. O(pairs).
  package func pairTables(_ tables: Span<Float>, shape: CodeShape, into output: inout MutableSpan<Float>) {
    precondition(
      shape.pairsTables && tables.count >= shape.m * shape.tableFloats && output.count >= shape.estimateFloats,
      "tables are too short, or of too many bits")
    unsafe tables.withUnsafeBufferPointer { tables in
      unsafe output.withUnsafeMutableBufferPointer { output in
        unsafe table.pointee.pair_tables(tables.baseAddress, shape.m, output.baseAddress)
      }
    }
  }

  /// Estimates of distances of the vectors `positions` of a frame with brackets, in f32: `base` + `factor` · (the sum of
  /// one entry of each table) + `step` · bracket.
  /// - Parameter tables: `[m][tableFloats]`, for codes of up to 4 bits those of ``pairTables(_:shape:into:)``.
  package func estimates(
    _ frame: borrowing CodeFrame, positions: Span<UInt16>, tables: Span<Float>, base: Float, factor: Float, step: Float,
    into output: inout MutableSpan<Float>
  ) {
    precondition(frame.shape.hasBracket, "the frame has no brackets")
    precondition(tables.count >= frame.shape.estimateFloats, "tables are too short")
    unsafe withTables(frame, positions, tables, &output) { codes, positions, tables, output in
      unsafe table.pointee.adc_estimates(
        codes, tables, base, factor, step, positions.baseAddress, positions.count, output)
    }
  }

  private func withTables(
    _ frame: borrowing CodeFrame, _ positions: Span<UInt16>, _ tables: Span<Float>, _ output: inout MutableSpan<Float>,
    _ body: (
      UnsafePointer<cpq_codes>, UnsafeBufferPointer<UInt16>, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?
    ) -> Void
  ) {
    check(positions, frame.count, output.count)
    unsafe withCodes(frame) { codes in
      unsafe positions.withUnsafeBufferPointer { positions in
        unsafe tables.withUnsafeBufferPointer { tables in
          unsafe output.withUnsafeMutableBufferPointer { output in
            unsafe body(codes, positions, tables.baseAddress, output.baseAddress)
          }
        }
      }
    }
  }

  /// Canonical ADC distances (l2, residual codes) of the vectors `positions` of a frame.
  /// - Parameters:
  ///   - residual: the query minus the list's centroid.
  ///   - codebooks: `[subspace][codeword][component]`, or lane blocks a subspace, which take longer to read.
  package func distances(
    _ frame: borrowing CodeFrame, positions: Span<UInt16>, residual: Span<Float>, codebooks: Span<Float>, blocked: Bool,
    into output: inout MutableSpan<Float>
  ) {
    let sub = residual.count / frame.shape.m
    let book =
      blocked ? LaneBlocks.floats(vectors: 1 << frame.shape.nbits, dimension: sub) : sub << frame.shape.nbits
    precondition(codebooks.count >= frame.shape.m * book, "codebooks are too short")
    check(positions, frame.count, output.count)
    unsafe withCodes(frame) { codes in
      unsafe positions.withUnsafeBufferPointer { positions in
        unsafe residual.withUnsafeBufferPointer { residual in
          unsafe codebooks.withUnsafeBufferPointer { codebooks in
            unsafe output.withUnsafeMutableBufferPointer { output in
              unsafe table.pointee.adc_residual(
                codes, residual.baseAddress, codebooks.baseAddress, blocked ? 1 : 0, sub, positions.baseAddress,
                positions.count,
                output.baseAddress)
            }
          }
        }
      }
    }
  }

  private func check(_ positions: Span<UInt16>, _ count: Int, _ room: Int) {
    precondition(positions.count <= room, "no room for all distances")
    for i in positions.indices { precondition(positions[i] < count, "a position past the frame's end") }
  }

  func withCodes<Result>(
    _ frame: borrowing CodeFrame, _ body: (UnsafePointer<cpq_codes>) -> Result
  ) -> Result {
    let (count, shape, streams) = (frame.count, frame.shape, frame.streams)
    return unsafe frame.bytes.withUnsafeBytes { bytes in
      unsafe frame.next.withUnsafeBytes { next in
        // The kernel fetches what is at `next`, or loads it and makes nothing of it.
        var codes = unsafe cpq_codes(
          frame: bytes.assumingMemoryBound(to: UInt8.self).baseAddress,
          next: next.isEmpty ? nil : next.assumingMemoryBound(to: UInt8.self).baseAddress, next_bytes: next.count,
          count: count, m: shape.m, planes: shape.planes, nbits: UInt32(shape.nbits),
          bracket: shape.hasBracket ? 1 : 0, streams: streams ? 1 : 0)
        return unsafe body(&codes)
      }
    }
  }
}
