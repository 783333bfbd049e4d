internal import CPQKernels

/// The integer scan of a frame: sums of quantized entries, which bound distances from below.
extension Kernels {
  /// Finds the vectors of a frame whose sum of quantized entries, plus bracket · `bracketScale` / 256 where the frame has
  /// brackets, is at most `threshold`: fills `positions` (ascending) and `sums`.
  /// - Parameters:
  ///   - entries: `[m][tableSize]`, of `shape.tableBytes` bytes, within `shape.entryLimit`.
  ///   - minima: as of ``partMinima(_:shape:threshold:into:)``, and `scale` what that returned; or none. What is found does
  ///     not depend on them.
  ///   - positions: room for all vectors of the frame, as `sums`. What lies behind those found is written over.
  /// - Returns: how many vectors are found, and how many passed their minima, so that each was looked at; all those do that
  ///   are scanned without, as the rest of a frame of codes of a byte is where too many passed before.
  /// - Complexity: O(count · m).
  package func scan(
    _ frame: borrowing CodeFrame, entries: Span<UInt8>, minima: Span<UInt8>, scale: UInt16, bracketScale: UInt16,
    threshold: UInt16, positions: inout MutableSpan<UInt16>, sums: inout MutableSpan<UInt16>
  ) -> (found: Int, passed: Int) {
    let count = minima.isEmpty ? 0 : minimaCount(frame.shape)
    precondition(
      minima.isEmpty || count > 0 && minima.count >= count && scale > 0,
      "minima of fewer tables, or of codes that have none")
    let found = unsafe withScan(frame, entries, bracketScale, &positions, &sums) { codes, bound, positions, sums in
      unsafe minima.withUnsafeBufferPointer { minima in
        unsafe bound.pointee.minima = minima.isEmpty ? nil : UnsafePointer(minima.baseAddress)
        unsafe bound.pointee.minima_scale = scale
        return unsafe table.pointee.scan(codes, bound, threshold, positions, sums)
      }
    }
    return (found.found, found.passed)
  }

  /// How many minima a scan of such codes heeds, which takes less time with them if not too many vectors pass them; 0: none.
  package func minimaCount(_ shape: CodeShape) -> Int {
    CodeShape.partSize(nbits: shape.nbits) == nil ? 0 : unsafe shape.m * table.pointee.parts
  }

  /// So many vectors of a frame may pass their minima before a scan without these takes less time: a code of a byte is summed
  /// by itself at the price of several that are summed together; so is a wide one where such are looked up at once, else at
  /// that of its own.
  @inline(__always)
  package func mostPassing(_ frame: borrowing CodeFrame) -> Int {
    if frame.shape.nbits <= 8 { return unsafe frame.count / table.pointee.own_share }
    return scalesMinima ? frame.count / 4 : frame.count - frame.count / 8
  }

  /// Whether minima are scaled, so that what they say depends on the threshold they were made for.
  package var scalesMinima: Bool { unsafe table.pointee.parts == Int(CPQ_MOST_PARTS) }

  /// The least entry of each part of a table, `[m][part]`: of entries that follow each other. Where codes that differ in
  /// their last bits stand for codewords that are near each other, sums of minima are almost those of the entries.
  /// - Parameter threshold: the largest one of a scan by them. Where they are scaled they may tell nothing above it, and the
  ///   less the farther a threshold is below it.
  /// - Returns: the scale that a scan needs.
  /// - Precondition: `output` has room for ``minimaCount(_:)``, and these are some.
  /// - Complexity: O(entries).
  package func partMinima(
    _ entries: Span<UInt8>, shape: CodeShape, threshold: UInt16, into output: inout MutableSpan<UInt8>
  ) -> UInt16 {
    let count = minimaCount(shape)
    precondition(
      count > 0 && entries.count >= shape.tableBytes && output.count >= count, "minima of other tables")
    let tableEntries = shape.m * shape.tableSize
    let scale = unsafe cpq_minima_scale(table.pointee.parts, threshold)
    unsafe entries.withUnsafeBufferPointer { entries in
      unsafe output.withUnsafeMutableBufferPointer { output in
        unsafe table.pointee.part_minima(
          entries.baseAddress, tableEntries, tableEntries / count, scale, output.baseAddress)
      }
    }
    return scale
  }

  /// Whether ``scan(_:entries:bracketScale:threshold:positions:sums:crc:)`` has codes of `nbits` bits checked at less cost
  /// than beforehand.
  package func checksAsItScans(nbits: Int) -> Bool {
    unsafe table.pointee.scan_checked != nil && CodeShape.fillsByte(nbits: nbits)
  }

  /// As above, and continues `crc`, a CRC-32C, with all bytes of the frame. What is found is to be used only when that is
  /// the one that is expected.
  /// - Precondition: ``checksAsItScans(nbits:)``.
  package func scan(
    _ frame: borrowing CodeFrame, entries: Span<UInt8>, bracketScale: UInt16, threshold: UInt16,
    positions: inout MutableSpan<UInt16>, sums: inout MutableSpan<UInt16>, crc: inout UInt32
  ) -> Int {
    precondition(checksAsItScans(nbits: frame.shape.nbits), "no scan of such codes takes their checksum")
    let byteCount = frame.bytes.byteCount
    return unsafe withScan(frame, entries, bracketScale, &positions, &sums) { codes, bound, positions, sums in
      unsafe table.pointee.scan_checked(codes, bound, threshold, positions, sums, byteCount, &crc)
    }
  }

  private func withScan<R>(
    _ frame: borrowing CodeFrame, _ entries: Span<UInt8>, _ bracketScale: UInt16,
    _ positions: inout MutableSpan<UInt16>, _ sums: inout MutableSpan<UInt16>,
    _ scan: (
      UnsafePointer<cpq_codes>, UnsafeMutablePointer<cpq_bound>, UnsafeMutablePointer<UInt16>?,
      UnsafeMutablePointer<UInt16>?
    ) -> R
  ) -> R {
    precondition(
      entries.count >= frame.shape.tableBytes && positions.count >= frame.count
        && sums.count >= frame.count, "tables or results are too short")
    return unsafe withCodes(frame) { codes in
      unsafe entries.withUnsafeBufferPointer { entries in
        unsafe positions.withUnsafeMutableBufferPointer { positions in
          unsafe sums.withUnsafeMutableBufferPointer { sums in
            var bound = unsafe cpq_bound(
              entries: entries.baseAddress, minima: nil, minima_scale: 0, bracket_scale: bracketScale)
            return unsafe scan(codes, &bound, positions.baseAddress, sums.baseAddress)
          }
        }
      }
    }
  }

  /// The sums of a frame's vectors, plus `offset`: 65,535 stands for all greater ones, and fills up whole tiles of 64.
  /// - Parameter sums: ``sumRoom(_:)`` of them, in an order that ``select(_:ofTiles:offset:positions:sums:)`` knows.
  /// - Complexity: O(count · m).
  package func sums(
    _ frame: borrowing CodeFrame, entries: Span<UInt8>, bracketScale: UInt16, offset: UInt16,
    into sums: inout MutableSpan<UInt16>
  ) {
    unsafe withSums(frame, entries, bracketScale, &sums) { codes, bound, sums in
      unsafe table.pointee.sum_codes(codes, bound, offset, sums)
    }
  }

  /// As above, and continues `crc`, a CRC-32C, with all bytes of the frame.
  /// - Precondition: ``checksAsItScans(nbits:)``.
  package func sums(
    _ frame: borrowing CodeFrame, entries: Span<UInt8>, bracketScale: UInt16, offset: UInt16,
    into sums: inout MutableSpan<UInt16>, crc: inout UInt32
  ) {
    precondition(checksAsItScans(nbits: frame.shape.nbits), "no scan of such codes takes their checksum")
    let byteCount = frame.bytes.byteCount
    unsafe withSums(frame, entries, bracketScale, &sums) { codes, bound, sums in
      unsafe table.pointee.sum_codes_checked(codes, bound, offset, sums, byteCount, &crc)
    }
  }

  /// Sums that a frame of `count` vectors takes.
  package static func sumRoom(_ count: Int) -> Int { (count + 63) / 64 * 64 }

  /// Finds the vectors of a frame whose `sums`, as ``sums(_:entries:bracketScale:offset:into:)`` gave them, are in `range`:
  /// fills `positions`, ascending, and `output` with the sums less `offset`, and returns how many they are. O(sums).
  package func select(
    _ range: ClosedRange<UInt16>, ofTiles sums: Span<UInt16>, offset: UInt16, positions: inout MutableSpan<UInt16>,
    sums output: inout MutableSpan<UInt16>
  ) -> Int {
    precondition(sums.count % 64 == 0 && range.upperBound < .max, "no whole tiles, or a range without an end")
    precondition(positions.count >= sums.count && output.count >= sums.count, "no room for all")
    return unsafe sums.withUnsafeBufferPointer { sums in
      unsafe positions.withUnsafeMutableBufferPointer { positions in
        unsafe output.withUnsafeMutableBufferPointer { output in
          unsafe table.pointee.summed_within(
            sums.baseAddress, sums.count, range.lowerBound, range.upperBound, offset, positions.baseAddress,
            output.baseAddress)
        }
      }
    }
  }

  private func withSums(
    _ frame: borrowing CodeFrame, _ entries: Span<UInt8>, _ bracketScale: UInt16, _ sums: inout MutableSpan<UInt16>,
    _ body: (UnsafePointer<cpq_codes>, UnsafePointer<cpq_bound>, UnsafeMutablePointer<UInt16>?) -> Void
  ) {
    precondition(
      entries.count >= frame.shape.tableBytes && sums.count >= Self.sumRoom(frame.count),
      "tables or results are too short")
    unsafe withCodes(frame) { codes in
      unsafe entries.withUnsafeBufferPointer { entries in
        unsafe sums.withUnsafeMutableBufferPointer { sums in
          var bound = unsafe cpq_bound(
            entries: entries.baseAddress, minima: nil, minima_scale: 0, bracket_scale: bracketScale)
          unsafe body(codes, &bound, sums.baseAddress)
        }
      }
    }
  }
}
