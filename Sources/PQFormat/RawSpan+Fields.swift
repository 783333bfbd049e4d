internal import PQKernels

/// Little-endian fields of a span. Every load checks its bounds; callers check the span's length before, so that a
/// damaged file throws instead of trapping.
extension RawSpan {
  // Integers and floats accept every bit pattern, so loading one from initialized bytes is sound.
  @inlinable @inline(__always)
  package func u8(at offset: Int) -> UInt8 { unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self) }

  @inlinable @inline(__always)
  package func u16(at offset: Int) -> UInt16 {
    UInt16(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }

  @inlinable @inline(__always)
  package func u32(at offset: Int) -> UInt32 {
    UInt32(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  @inlinable @inline(__always)
  package func u64(at offset: Int) -> UInt64 {
    UInt64(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  /// The bytes as f32 values. The host is little-endian, as the file is (checked at build time by the package's
  /// platforms: x86-64 and 64-bit Arm).
  /// - Precondition: the span starts at a multiple of 4 bytes and holds a multiple of 4.
  @_lifetime(copy self)
  @inlinable @inline(__always)
  package func floats() -> Span<Float> { Span(_bytes: self) }

  /// True when none of the span's f32 values is infinite or not a number. O(count).
  /// - Precondition: as for ``floats()``.
  package var areFiniteF32: Bool { Kernels.best.areFinite(floats()) }

  /// True when none of the span's f16 values is infinite or not a number. O(count), without branches.
  /// - Precondition: the span starts at a multiple of 2 bytes and holds a multiple of 2.
  package var areFiniteF16: Bool {
    let halves = Span<UInt16>(_bytes: self)
    // Only the largest exponent carries into the sign. Every index is one of the span's own.
    var carries: UInt16 = 0
    for i in halves.indices { carries |= (unsafe halves[unchecked: i] & 0x7C00) &+ 0x400 }
    return carries >> 15 == 0
  }

  /// `range` of this span.
  @_lifetime(copy self)
  @inlinable @inline(__always)
  package func slice(_ start: Int, _ count: Int) -> RawSpan { extracting(start..<start + count) }

  /// True when every byte is zero. O(count).
  package var isZero: Bool {
    var any: UInt8 = 0
    for i in 0..<byteCount { any |= u8(at: i) }
    return any == 0
  }
}

extension Span where Element == UInt64 {
  /// The words as a raw span. `UInt64` has no padding, so every byte is initialized.
  package var rawSpan: RawSpan {
    @_lifetime(copy self) get { unsafe bytes }
  }
}

extension Span where Element == Float {
  /// The values as a raw span. `Float` has no padding, so every byte is initialized.
  package var rawSpan: RawSpan {
    @_lifetime(copy self) get { unsafe bytes }
  }
}

extension Array where Element: BitwiseCopyable {
  /// Copies the span's elements to the end.
  package mutating func append(_ span: Span<Element>) {
    // The pointer does not leave the closure.
    unsafe span.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
  }
}

extension MutableSpan where Element == UInt8 {
  /// Copies the span's bytes over those from `offset` on, which must be as many.
  package mutating func put(_ bytes: RawSpan, at offset: Int) {
    precondition(offset >= 0 && offset <= count - bytes.byteCount, "no room for all bytes")
    // The ranges were checked; an exclusive span shares no byte with another.
    unsafe withUnsafeMutableBytes { target in
      unsafe bytes.withUnsafeBytes { bytes in
        unsafe UnsafeMutableRawBufferPointer(rebasing: target[offset...]).copyMemory(from: bytes)
      }
    }
  }
}

/// Little-endian fields appended to bytes.
extension [UInt8] {
  /// The bytes as a raw span. `UInt8` has no padding, so every byte is initialized.
  package var rawSpan: RawSpan {
    @_lifetime(borrow self) get { unsafe span.bytes }
  }

  package mutating func append<Value: FixedWidthInteger>(littleEndian value: Value) {
    for shift in stride(from: 0, to: Value.bitWidth, by: 8) { append(UInt8(truncatingIfNeeded: value >> shift)) }
  }

  /// Copies the span's bytes to the end.
  package mutating func append(_ bytes: RawSpan) {
    unsafe bytes.withUnsafeBytes { unsafe append(contentsOf: $0) }
  }

  /// Appends f32 values; the host is little-endian.
  package mutating func append(floats: Span<Float>) {
    unsafe append(floats.bytes)
  }

  /// Zeros up to the next multiple of `alignment`.
  package mutating func pad(to alignment: Int) {
    append(contentsOf: repeatElement(0, count: (alignment - count % alignment) % alignment))
  }
}
