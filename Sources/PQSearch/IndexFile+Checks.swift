internal import PQFormat
internal import PQKernels
internal import Synchronization

/// What has been checked of an open file. Two threads may check the same thing at once: both find the same.
final class Checks: Sendable {
  /// Bit 0: centroids, codebooks and the checksums of the directory's pages.
  let model = AtomicBits(count: 1)
  private let derived = AtomicLazyReference<Codewords>()
  let listPages: AtomicBits
  let framePages: AtomicBits
  let frames: AtomicBits

  init(_ table: SectionTable) {
    func length(_ kind: SectionKind) -> UInt64 { table[kind]?.length ?? 0 }
    listPages = AtomicBits(count: Int(DirectoryPage.count(length(.lists))))
    framePages = AtomicBits(count: Int(DirectoryPage.count(length(.frames))))
    frames = AtomicBits(count: Int(length(.frames)) / FrameEntry.byteCount)
  }

  /// What was derived from the codebooks; `make` derives it the first time.
  func codewords(_ make: () -> Codewords) -> Codewords { derived.load() ?? derived.storeIfNil(make()) }
}

extension IndexFile {
  /// Checks centroids, codebooks and the page checksums, once. O(nlist · D) the first time.
  borrowing func checkModel() throws(FormatError) {
    guard !checks.model.contains(0) else { return }
    for kind in [SectionKind.centroids, .codebooks, .centre] {
      try checkSection(kind)
      try checkFinite(kind)
    }
    try checkSection(.pages)
    checks.model.insert(0)
  }

  /// What a search derives from the checked codebooks, once: nil where it needs nothing. O(codebooks) the first time.
  borrowing func codewords() throws(FormatError) -> Codewords? {
    guard parameters.hasBracket else { return nil }
    try checkModel()
    return checks.codewords { Codewords(parameters, codebooks: bytes(of: .codebooks).floats()) }
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
