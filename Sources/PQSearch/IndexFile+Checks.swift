internal import PQFormat
internal import PQKernels

/// What has been checked of an open file. Two threads may check the same thing at once: both find the same.
final class Checks: Sendable {
  /// Bit 0: centroids, groups, codebooks and the checksums of the directory's pages.
  let model = AtomicBits(count: 1)
  let listPages: AtomicBits
  let framePages: AtomicBits
  let frames: AtomicBits

  init(_ table: SectionTable) {
    func length(_ kind: SectionKind) -> UInt64 { table[kind]?.length ?? 0 }
    listPages = AtomicBits(count: Int(DirectoryPage.count(length(.lists))))
    framePages = AtomicBits(count: Int(DirectoryPage.count(length(.frames))))
    frames = AtomicBits(count: Int(length(.frames)) / FrameEntry.byteCount)
  }
}

extension IndexFile {
  /// Checks centroids, codebooks and the page checksums, once. O(nlist · D) the first time.
  borrowing func checkModel() throws(FormatError) {
    guard !checks.model.contains(0) else { return }
    for kind in [SectionKind.centroids, .codebooks] {
      try checkSection(kind)
      try checkFinite(kind)
    }
    try checkSection(.groups)
    _ = try groups()
    try checkSection(.pages)
    checks.model.insert(0)
  }

  /// Checks the checksum of a section that has one in the table. O(section).
  borrowing func checkSection(_ kind: SectionKind) throws(FormatError) {
    guard let section = table[kind] else { return }
    try checkSection(section)
  }

  /// Checks the checksum of a section, of a known kind or not, that has one in the table. O(section).
  borrowing func checkSection(_ section: Section) throws(FormatError) {
    guard section.hasChecksum else { return }
    let crc = Checksum.plain(bytes(of: section))
    guard crc == section.crc else {
      throw .checksum("section \(section.name)", at: section.offset, expected: section.crc, found: crc)
    }
  }

  /// Checks that all values of the centroids or codebooks are finite. O(section).
  borrowing func checkFinite(_ kind: SectionKind) throws(FormatError) {
    let floats = bytes(of: kind).floats()
    for i in floats.indices where !floats[i].isFinite {
      throw FormatError(
        .badSection, "section \(kind.name)", at: (table[kind]?.offset ?? 0) + UInt64(4 * i),
        "the value \(floats[i]) is not finite")
    }
  }

  /// The section `groups`, all but its checksum checked; nil if the file has none. O(section).
  borrowing func groups() throws(FormatError) -> CoarseGroups? {
    guard let section = table[.groups] else { return nil }
    return try CoarseGroups(
      decoding: bytes(of: .groups), nlist: parameters.nlist, dimension: parameters.dimension, at: section.offset)
  }

  /// Checks the directory pages that hold `range` of the section `kind` (lists or frames), each once.
  borrowing func checkPages(_ kind: SectionKind, _ range: Range<Int>) throws(FormatError) {
    guard !range.isEmpty else { return }
    let done = kind == .lists ? checks.listPages : checks.framePages
    let size = Int(DirectoryPage.byteCount)
    for page in range.lowerBound / size...(range.upperBound - 1) / size where !done.contains(page) {
      let crc = DirectoryPage.checksum(bytes(of: kind), kind: kind, page: UInt64(page))
      let first = kind == .lists ? 0 : checks.listPages.count
      let expected = bytes(of: .pages).u32(at: 4 * (first + page))
      guard crc == expected else {
        throw .checksum(
          "section \(kind.name), page \(page)", at: (table[kind]?.offset ?? 0) + UInt64(page * size),
          expected: expected, found: crc)
      }
      done.insert(page)
    }
  }
}
