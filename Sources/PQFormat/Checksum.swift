internal import PQKernels

/// CRC-32C as the file uses it: plain for what is named by an offset of its own, salted with its place for what one
/// of many equals could replace (Formats/pqx-v1.md, "Checksums").
package enum Checksum {
  /// - Parameter crc: of what comes before `bytes`, to continue from.
  package static func plain(_ bytes: RawSpan, continuing crc: UInt32 = 0) -> UInt32 {
    Kernels.best.crc32c(bytes, continuing: crc)
  }

  /// The checksum of `bytes` at a place: 16 bytes of salt (u32 kind, u32 index, u64 list) go first.
  package static func salted(_ bytes: RawSpan, kind: SectionKind, index: UInt32, list: UInt64) -> UInt32 {
    plain(bytes, continuing: salt(kind: kind, index: index, list: list))
  }

  /// The checksum of the salt alone, which the bytes at that place continue.
  package static func salt(kind: SectionKind, index: UInt32, list: UInt64) -> UInt32 {
    var salt = InlineArray<2, UInt64>(repeating: 0)
    salt[0] = (UInt64(kind.rawValue) | UInt64(index) << 32).littleEndian
    salt[1] = list.littleEndian
    return plain(salt.span.rawSpan)
  }
}
