import PQFormat

/// A small file in memory, built section by section, and opened as a reader opens one.
struct SmallFile {
  var header = Header()
  var table = SectionTable()
  var bytes: [UInt8] = []

  /// The parameters of an empty IVF-PQ index with every section but those of brackets and of a rotation.
  static var parameters: IndexParameters {
    var parameters = IndexParameters()
    parameters.dimension = 6
    parameters.nlist = 3
    parameters.m = 2
    parameters.nbits = 4
    parameters.residual = true
    parameters.vectors = .f32
    parameters.storesIDs = true
    return parameters
  }

  /// The sections that `parameters` call for, one after the other, and metadata.
  static func sections(_ parameters: IndexParameters) -> [(kind: SectionKind, bytes: [UInt8])] {
    func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
    let lists = zeros(parameters.listCount * ListEntry.byteCount)
    var pages: [UInt8] = []
    for crc in ChecksumPage.checksums(lists.rawSpan, kind: .lists) { pages.append(littleEndian: crc) }
    var sections: [(SectionKind, [UInt8])] = []
    if parameters.isRotated { sections.append((.rotation, zeros(4 * parameters.rotationFloats))) }
    if parameters.nlist > 0 { sections.append((.centroids, zeros(4 * parameters.centroidFloats))) }
    if parameters.m > 0 {
      sections += [(.codebooks, zeros(4 * parameters.m * parameters.codebookFloats)), (.codes, [])]
    }
    if parameters.hasBracket { sections.append((.centre, zeros(4 * parameters.dimension))) }
    if parameters.storesIDs { sections.append((.ids, [])) }
    if parameters.vectors != .none { sections.append((.vectors, [])) }
    if parameters.nlist > 1 {
      let centers = [Float](repeating: 0, count: 16 * parameters.dimension)
      sections.append((.groups, CoarseGroups.encoded(starts: [0, 1, UInt32(parameters.nlist)], blocks: centers)))
      var centroidPages: [UInt8] = []
      let centroids = zeros(4 * parameters.centroidFloats)
      for crc in ChecksumPage.checksums(centroids.rawSpan, kind: .centroids) {
        centroidPages.append(littleEndian: crc)
      }
      sections.append((.centroidPages, centroidPages))
    }
    return sections + [(.lists, lists), (.frames, []), (.pages, pages), (.metadata, [UInt8]("{}\n".utf8))]
  }

  init(_ parameters: IndexParameters = Self.parameters, alignmentLog2: Int = 12, features: Features = Features()) {
    header.alignmentLog2 = alignmentLog2
    header.features = features
    header.parameters = parameters
    bytes = [UInt8](repeating: 0, count: Header.byteCount)
    let alignment = Int(header.alignment)
    for (kind, content) in Self.sections(parameters) {
      bytes.pad(to: alignment)
      var section = Section(
        kind: kind, offset: UInt64(bytes.count), length: UInt64(content.count), crc: Checksum.plain(content.rawSpan))
      if !section.hasChecksum { section.crc = 0 }
      table.sections.append(section)
      bytes += content
    }
    bytes.pad(to: alignment)
    header.sectionTableOffset = UInt64(bytes.count)
    header.sectionCount = table.sections.count
    let tableBytes = table.encoded()
    header.sectionTableCRC = Checksum.plain(tableBytes.rawSpan)
    bytes += tableBytes
    bytes.pad(to: alignment)
    header.fileLength = UInt64(bytes.count + Footer.byteCount)
    bytes.replaceSubrange(0..<Header.byteCount, with: header.encoded())
    bytes += Footer.encoded(fileLength: header.fileLength, fileID: header.fileID)
  }

  /// Opens `bytes` by the steps 1–6 of Formats/pqx-v1.md, "Reading".
  static func open(_ bytes: [UInt8]) throws(FormatError) -> (Header, SectionTable) {
    let header = try Header(
      decoding: bytes.rawSpan.slice(0, min(bytes.count, Header.byteCount)), actualLength: UInt64(bytes.count))
    try Footer.check(bytes.rawSpan.slice(Int(header.footerOffset), Footer.byteCount), header: header)
    let tableBytes = bytes.rawSpan.slice(Int(header.sectionTableOffset), header.sectionCount * Section.byteCount)
    guard Checksum.plain(tableBytes) == header.sectionTableCRC else {
      throw .checksum("section table", at: header.sectionTableOffset, expected: header.sectionTableCRC, found: 0)
    }
    return (header, try SectionTable(decoding: tableBytes, header: header))
  }

  /// What opening `bytes` throws; nil when it succeeds.
  static func failure(_ bytes: [UInt8]) -> FormatError? {
    do {
      _ = try open(bytes)
      return nil
    } catch {
      return error
    }
  }
}

extension [UInt8] {
  mutating func set<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    for i in 0..<Value.bitWidth / 8 { self[offset + i] = UInt8(truncatingIfNeeded: value >> (8 * i)) }
  }

  /// Makes file id and checksum of a changed header right again, so that only the change can be found.
  mutating func sealHeader() {
    set(Checksum.plain(rawSpan.slice(72, 40)), at: 52)
    set(rawSpan.u32(at: 68), at: 48)
    set(Checksum.plain(rawSpan.slice(0, Header.crcOffset)), at: Header.crcOffset)
  }

  mutating func sealFooter() {
    set(Checksum.plain(rawSpan.slice(count - Footer.byteCount, Footer.byteCount - 4)), at: count - 4)
  }
}
