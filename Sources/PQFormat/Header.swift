/// The first 4,096 bytes of a file (Formats/pqx-v1.md, "Header"): zero until all else is written.
package struct Header: Sendable, Equatable {
  package var minor: UInt16 = Header.currentMinor
  package var alignmentLog2 = 12
  package var features = Features()
  package var fileLength: UInt64 = 0
  package var fileID: UInt64 = 0
  package var sectionTableOffset: UInt64 = 0
  package var sectionCount = 0
  package var sectionTableCRC: UInt32 = 0
  package var parameters = IndexParameters()

  package static let byteCount = 4096
  /// 0x89 shows a 7-bit channel, CR LF and LF a text-mode copy; 0x1A ends a listing on old systems (as in PNG).
  package static let magic: [UInt8] = [0x89, 0x50, 0x51, 0x58, 0x0D, 0x0A, 0x1A, 0x0A]
  /// Frame offsets have 48 bits.
  package static let maximumFileLength: UInt64 = 1 << 48
  package static let currentMajor: UInt16 = 1
  package static let currentMinor: UInt16 = 3
  package static let parameterRange = 72..<112
  package static let crcOffset = byteCount - 4

  package init() {}

  package var alignment: UInt64 { 1 << UInt64(alignmentLog2) }

  /// The header's bytes. The file id is a digest of the parameters and of the section table, which has the
  /// checksums of all else: it depends on content alone.
  package mutating func encoded() -> [UInt8] {
    if parameters.isRotated { features.incompatible |= Features.rotation }
    if parameters.hasBracket { features.incompatible |= Features.brackets }
    var bytes = Header.magic
    bytes.append(littleEndian: Header.currentMajor)
    bytes.append(littleEndian: minor)
    bytes.append(littleEndian: UInt32(alignmentLog2))
    bytes.append(littleEndian: features.compatible)
    bytes.append(littleEndian: features.readCompatible)
    bytes.append(littleEndian: features.incompatible)
    bytes.append(littleEndian: fileLength)
    let idOffset = bytes.count
    bytes.append(littleEndian: UInt64(0))
    bytes.append(littleEndian: sectionTableOffset)
    bytes.append(littleEndian: UInt32(sectionCount))
    bytes.append(littleEndian: sectionTableCRC)
    parameters.encode(to: &bytes)
    fileID = Header.fileID(
      parameters: bytes.rawSpan.slice(Header.parameterRange.lowerBound, Header.parameterRange.count),
      sectionTableCRC: sectionTableCRC)
    for i in 0..<8 { bytes[idOffset + i] = UInt8(truncatingIfNeeded: fileID >> (8 * UInt64(i))) }
    bytes.append(contentsOf: repeatElement(0, count: Header.crcOffset - bytes.count))
    bytes.append(littleEndian: Checksum.plain(bytes.rawSpan))
    return bytes
  }

  static func fileID(parameters: RawSpan, sectionTableCRC: UInt32) -> UInt64 {
    UInt64(Checksum.plain(parameters)) << 32 | UInt64(sectionTableCRC)
  }

  /// Decodes and checks the header of a file of `actualLength` bytes. O(1).
  /// - Parameter bytes: the file's first bytes: 4,096, or all of a shorter file.
  package init(decoding bytes: RawSpan, actualLength: UInt64) throws(FormatError) {
    func bad(_ offset: UInt64, _ detail: String) -> FormatError { FormatError(.badField, "header", at: offset, detail) }
    try Header.checkMagic(bytes, actualLength: actualLength)
    let major = bytes.u16(at: 8)
    guard major == Header.currentMajor else {
      throw FormatError(
        .unsupportedVersion, "header", at: 8,
        "this reader knows version \(Header.currentMajor), the file is \(major).\(bytes.u16(at: 10)); "
          + "use a version of pqx that knows it")
    }
    let crc = Checksum.plain(bytes.slice(0, Header.crcOffset))
    guard crc == bytes.u32(at: Header.crcOffset) else {
      throw .checksum("header", at: 0, expected: bytes.u32(at: Header.crcOffset), found: crc)
    }
    minor = bytes.u16(at: 10)
    features = Features(
      compatible: bytes.u64(at: 16), readCompatible: bytes.u64(at: 24), incompatible: bytes.u64(at: 32))
    try features.checkReadable()
    fileLength = bytes.u64(at: 40)
    guard fileLength == actualLength else {
      throw FormatError(
        .truncated, "file", at: min(fileLength, actualLength),
        "have \(actualLength) bytes, the header says \(fileLength); copy the file again")
    }
    guard (12...16).contains(bytes.u32(at: 12)) else {
      throw bad(12, "alignment 2^\(bytes.u32(at: 12)), not 2^12...16")
    }
    alignmentLog2 = Int(bytes.u32(at: 12))
    fileID = bytes.u64(at: 48)
    sectionTableOffset = bytes.u64(at: 56)
    sectionTableCRC = bytes.u32(at: 68)
    guard bytes.u32(at: 64) <= SectionTable.maximumCount else {
      throw bad(64, "\(bytes.u32(at: 64)) sections, at most \(SectionTable.maximumCount)")
    }
    sectionCount = Int(bytes.u32(at: 64))
    try checkPlaces(bad)
    parameters = try IndexParameters(decoding: bytes)
    parameters.hasBracket = features.incompatible & Features.brackets != 0
    guard !parameters.hasBracket || parameters.takesBrackets else {
      throw bad(32, "brackets without residual codes and the metric l2")
    }
    parameters.isRotated = features.incompatible & Features.rotation != 0
    guard !parameters.isRotated || parameters.m > 0 else { throw bad(32, "a rotation without codes") }
    let id = Header.fileID(
      parameters: bytes.slice(Header.parameterRange.lowerBound, Header.parameterRange.count),
      sectionTableCRC: sectionTableCRC)
    guard fileID == id else { throw bad(48, "file id expected \(hex(id)), found \(hex(fileID))") }
    guard bytes.slice(Header.parameterRange.upperBound, Header.crcOffset - Header.parameterRange.upperBound).isZero
    else { throw FormatError(.badPadding, "header", at: UInt64(Header.parameterRange.upperBound), "reserved bytes") }
  }

  private func checkPlaces(_ bad: (UInt64, String) -> FormatError) throws(FormatError) {
    let tableBytes = UInt64(sectionCount * Section.byteCount)
    guard fileLength >= UInt64(Header.byteCount + Footer.byteCount), footerOffset % alignment == 0 else {
      throw bad(40, "file length \(fileLength) leaves no place for an aligned footer")
    }
    guard fileLength <= Header.maximumFileLength else {
      throw bad(40, "file length \(fileLength), at most \(Header.maximumFileLength)")
    }
    guard sectionTableOffset % alignment == 0, sectionTableOffset >= UInt64(Header.byteCount),
      sectionTableOffset <= footerOffset, tableBytes <= footerOffset - sectionTableOffset
    else { throw bad(56, "section table at \(sectionTableOffset) is not between header and footer, aligned") }
  }

  package var footerOffset: UInt64 { fileLength - UInt64(Footer.byteCount) }

  private static func checkMagic(_ bytes: RawSpan, actualLength: UInt64) throws(FormatError) {
    let have = min(bytes.byteCount, magic.count)
    var matches = have > 0
    for i in 0..<have where bytes.u8(at: i) != magic[i] { matches = false }
    if matches, have == magic.count {
      guard bytes.byteCount >= byteCount else {
        throw FormatError(
          .truncated, "file", at: actualLength, "have \(actualLength) bytes, a header takes \(byteCount)")
      }
      return
    }
    if matches {
      throw FormatError(.truncated, "file", at: actualLength, "have \(actualLength) bytes, a header takes \(byteCount)")
    }
    if bytes.byteCount >= 4, bytes.u8(at: 1) == magic[1], bytes.u8(at: 2) == magic[2], bytes.u8(at: 3) == magic[3] {
      throw FormatError(
        .notAnIndex, "header", at: 0, "the magic bytes are damaged as by a text-mode or 7-bit copy; copy as binary")
    }
    if bytes.byteCount == byteCount, bytes.isZero {
      throw FormatError(.unfinished, "header", at: 0, "the header is all zero: the build of this file did not finish")
    }
    throw FormatError(.notAnIndex, "header", at: 0, "the file does not begin with the magic bytes of a .pqx file")
  }
}

/// The three words of feature bits.
package struct Features: Sendable, Equatable {
  /// Readers ignore bits that they do not know.
  package var compatible: UInt64 = 0
  /// Readers ignore bits that they do not know; tools that copy or merge files refuse them.
  package var readCompatible: UInt64 = 0
  /// Readers refuse bits that they do not know.
  package var incompatible: UInt64 = 0

  /// The incompatible bit of centroids and codes of rotated vectors.
  package static let rotation: UInt64 = 1 << 0
  /// The incompatible bit of code frames that have brackets.
  package static let brackets: UInt64 = 1 << 1

  package init(compatible: UInt64 = 0, readCompatible: UInt64 = 0, incompatible: UInt64 = 0) {
    self.compatible = compatible
    self.readCompatible = readCompatible
    self.incompatible = incompatible
  }

  package func checkReadable() throws(FormatError) {
    let unknown = incompatible & ~(Self.rotation | Self.brackets)
    guard unknown == 0 else {
      throw FormatError(
        .unsupportedFeature, "header", at: 32,
        "incompatible feature bit \(unknown.trailingZeroBitCount) is required; use a version of pqx that knows it")
    }
  }
}

extension Features {
  /// Throws unless a tool that copies or merges files knows every feature that it must keep up.
  package func checkCopyable() throws(FormatError) {
    guard readCompatible == 0 else {
      throw FormatError(
        .unsupportedFeature, "header", at: 24,
        "read-compatible feature bit \(readCompatible.trailingZeroBitCount) is set: the file can be searched, but not "
          + "copied or merged; use a version of pqx that knows it")
    }
  }
}

/// The last 4,096 bytes of a file: shows that the end belongs to the beginning.
package struct Footer: Sendable, Equatable {
  package static let byteCount = 4096
  package static let magic: [UInt8] = [0x89, 0x50, 0x51, 0x58, 0x45, 0x4E, 0x44, 0x0A]

  package static func encoded(fileLength: UInt64, fileID: UInt64) -> [UInt8] {
    var bytes = magic
    bytes.append(littleEndian: fileLength)
    bytes.append(littleEndian: fileID)
    bytes.append(contentsOf: repeatElement(0, count: byteCount - 4 - bytes.count))
    bytes.append(littleEndian: Checksum.plain(bytes.rawSpan))
    return bytes
  }

  /// Checks the footer against the header. O(1).
  package static func check(_ bytes: RawSpan, header: Header) throws(FormatError) {
    let offset = header.footerOffset
    let crc = Checksum.plain(bytes.slice(0, byteCount - 4))
    guard crc == bytes.u32(at: byteCount - 4) else {
      throw .checksum("footer", at: offset, expected: bytes.u32(at: byteCount - 4), found: crc)
    }
    guard (0..<8).allSatisfy({ bytes.u8(at: $0) == magic[$0] }) else {
      throw FormatError(.badField, "footer", at: offset, "not the magic bytes of a footer")
    }
    guard bytes.u64(at: 8) == header.fileLength, bytes.u64(at: 16) == header.fileID else {
      throw FormatError(
        .badField, "footer", at: offset + 8,
        "length \(bytes.u64(at: 8)) and id \(hex(bytes.u64(at: 16))) do not match the header's "
          + "\(header.fileLength) and \(hex(header.fileID)): the file is joined from two")
    }
    guard bytes.slice(24, byteCount - 28).isZero else {
      throw FormatError(.badPadding, "footer", at: offset + 24, "reserved bytes")
    }
  }
}
