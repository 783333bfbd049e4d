internal import CPQKernels

/// The integer scan of a frame: sums of quantized entries, which bound distances from below.
extension Kernels {
  /// Finds the vectors of a frame whose sum of quantized entries, plus bracket · `bracketScale` / 256 where the frame has
  /// brackets, is at most `threshold`: fills `positions` (ascending) and `sums`.
  /// - Parameters:
  ///   - entries: `[m][tableSize]`, of `shape.tableBytes` bytes, within `shape.entryLimit`.
  ///   - minima: as of ``partMinima(_:shape:into:)``; or none. What is found does not depend on them.
  ///   - positions: room for all vectors of the frame, as `sums`. What lies behind those found is written over.
  /// - Returns: how many vectors are found, and how many passed their minima, so that each was looked at; all those do that
  ///   are scanned without, as the rest of a frame of codes of a byte is where too many passed before.
  /// - Complexity: O(count · m).
  package func scan(
    _ frame: borrowing CodeFrame, entries: Span<UInt8>, minima: Span<UInt8>, bracketScale: UInt16, threshold: UInt16,
    positions: inout MutableSpan<UInt16>, sums: inout MutableSpan<UInt16>
  ) -> (found: Int, passed: Int) {
    precondition(
      minima.isEmpty || scansMinima(nbits: frame.shape.nbits) && minima.count >= frame.shape.minimaCount,
      "minima of fewer tables, or of codes that have none")
    let found = unsafe withScan(frame, entries, bracketScale, &positions, &sums) { codes, bound, positions, sums in
      unsafe minima.withUnsafeBufferPointer { minima in
        unsafe bound.pointee.minima = minima.isEmpty ? nil : UnsafePointer(minima.baseAddress)
        return unsafe table.pointee.scan(codes, bound, threshold, positions, sums)
      }
    }
    return (found.found, found.passed)
  }

  /// Whether a scan of codes of `nbits` bits takes less time with ``partMinima(_:shape:into:)``, if not too many vectors pass
  /// them.
  package func scansMinima(nbits: Int) -> Bool {
    unsafe table.pointee.part_minima != nil && CodeShape.partSize(nbits: nbits) != nil
  }

  /// The least entry of each of the 64 parts of a table, `[m][64]`: of ``CodeShape/partSize(nbits:)`` entries that follow each other.
  /// Where codes that differ in their last bits stand for codewords that are near each other, sums of minima are almost those
  /// of the entries.
  /// - Precondition: ``scansMinima(nbits:)``.
  /// - Complexity: O(entries).
  package func partMinima(_ entries: Span<UInt8>, shape: CodeShape, into output: inout MutableSpan<UInt8>) {
    guard scansMinima(nbits: shape.nbits), let part = CodeShape.partSize(nbits: shape.nbits) else {
      preconditionFailure("minima of codes that have none")
    }
    precondition(
      entries.count >= shape.tableBytes && output.count >= shape.minimaCount, "minima of other tables")
    unsafe entries.withUnsafeBufferPointer { entries in
      unsafe output.withUnsafeMutableBufferPointer { output in
        unsafe table.pointee.part_minima(
          entries.baseAddress, shape.m * shape.tableSize, part, output.baseAddress)
      }
    }
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
            var bound = unsafe cpq_bound(entries: entries.baseAddress, minima: nil, bracket_scale: bracketScale)
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
          var bound = unsafe cpq_bound(entries: entries.baseAddress, minima: nil, bracket_scale: bracketScale)
          unsafe body(codes, &bound, sums.baseAddress)
        }
      }
    }
  }
}
