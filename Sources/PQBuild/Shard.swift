internal import PQFormat
internal import PQStorage

/// A mapped index file with its structure checked.
struct IndexMap: ~Copyable, Sendable {
  let structure: IndexStructure
  private let map: MappedFile

  /// Shielded: what the file loses while it is mapped reads as zeros, which no checksum is right for.
  /// - Throws: `.file`, or `.badData` for what is no sound index or has features that may not be copied.
  init(path: String) throws(BuildError) {
    let map = try BuildError.onFiles { () throws(FileError) in try MappedFile(path: path, access: .shielded) }
    structure = try Self.decode(map)
    self.map = map
  }

  private static func decode(_ map: borrowing MappedFile) throws(BuildError) -> IndexStructure {
    do throws(FormatError) {
      let structure = try IndexStructure(decoding: map.bytes)
      try structure.header.features.checkCopyable()
      return structure
    } catch { throw .badData("\(map.path): \(error.description)") }
  }

  /// Why what was read may not be what the file holds, if so.
  var failure: FileError? { map.failure }

  /// Calls `body` with `count` bytes at `offset` of the file, which must be inside it.
  borrowing func withBytes<Result>(
    at offset: UInt64, count: Int, _ body: (RawSpan) throws(FormatError) -> Result
  ) throws(FormatError) -> Result {
    try body(map.bytes.slice(Int(offset), count))
  }
}

extension IndexStructure {
  /// Checksums of the sections that hold the model.
  var modelDigest: [String] {
    [SectionKind.rotation, .centroids, .groups, .codebooks].compactMap { table[$0] }.map { "\($0.name) \(hex($0.crc))" }
  }
}

/// An index file that is read from front to back, each byte checked when it comes by (Formats/pqx-v1.md, "Reading").
final class Shard: Sendable {
  let path: String
  private let identity: InputIdentity?
  private let map: IndexMap

  init(path: String) throws(BuildError) {
    self.path = path
    identity = InputIdentity(path: path)
    map = try IndexMap(path: path)
  }

  /// Throws unless the path still leads to the file as it was: pages of it may have been read after they were written to, and
  /// compressed frames are read once to be checked and once to be decompressed.
  func checkUnchanged() throws(BuildError) {
    guard InputIdentity(path: path) == identity else {
      throw .badData("\(path) changed while it was merged; merge it again when nobody writes to it")
    }
    if let failure = map.failure { throw .file(failure) }
  }

  var structure: IndexStructure { map.structure }
  var index: IndexParameters { structure.header.parameters }

  func section(_ kind: SectionKind) -> Section {
    structure.table[kind] ?? Section(kind: kind, offset: 0, length: 0, crc: 0)
  }

  /// What tells its model, and what its vectors are stored as, from another's.
  var digest: [String] {
    let p = index
    return [
      "\(p.kind.rawValue)", "metric \(p.metric.name)", "dimension \(p.dimension)", "nlist \(p.nlist)",
      "m \(p.m)", "nbits \(p.nbits)", p.residual ? "residual codes" : "codes of vectors",
      "vectors \(p.vectors.name)", "vector offset \(p.vectorOffset)",
      p.storesIDs ? "stored ids" : "implicit ids",
    ] + structure.modelDigest
  }

  /// What to say of content that is not sound: not that, if the file changed.
  func failure(_ error: FormatError) -> BuildError {
    do throws(BuildError) { try checkUnchanged() } catch { return error }
    return .badData("\(path): \(error.description)")
  }

  /// Calls `body` with `count` bytes at `offset` of the file, which must be inside it.
  func withBytes<Result>(
    at offset: UInt64, count: Int, _ body: (RawSpan) throws(FormatError) -> Result
  ) throws(FormatError) -> Result {
    try map.withBytes(at: offset, count: count, body)
  }
}

/// Pages of one section of the directory, checked one after the other as entries are read from front to back.
struct DirectoryCursor {
  private let kind: SectionKind
  /// Bytes of the section whose pages have been checked.
  private var checked: UInt64 = 0

  init(_ kind: SectionKind) { self.kind = kind }

  /// Calls `body` with `count` bytes at `offset` of the section.
  /// - Throws: a page whose checksum is wrong, or that the section ends before them.
  mutating func read<Entry>(
    _ shard: Shard, at offset: UInt64, count: Int, _ body: (RawSpan) -> Entry
  ) throws(FormatError) -> Entry {
    let section = shard.section(kind)
    let end = offset + UInt64(count)
    guard end <= section.length else {
      throw FormatError(
        .badList, "section \(kind.name)", at: section.end, "it ends before the entry at \(section.offset + offset)")
    }
    while checked < end {
      let page = checked / ChecksumPage.byteCount
      let length = Int(min(ChecksumPage.byteCount, section.length - checked))
      let first = kind == .lists ? 0 : ChecksumPage.count(shard.section(.lists).length)
      let pages = shard.section(.pages)
      let expected = try shard.withBytes(at: pages.offset + 4 * (first + page), count: 4) { $0.u32(at: 0) }
      let found = try shard.withBytes(at: section.offset + checked, count: length) {
        Checksum.salted($0, kind: kind, index: UInt32(truncatingIfNeeded: page), list: 0)
      }
      guard expected == found else {
        throw .checksum(
          "section \(kind.name), page \(page)", at: section.offset + checked, expected: expected, found: found)
      }
      checked += UInt64(length)
    }
    return try shard.withBytes(at: section.offset + offset, count: count) { body($0) }
  }
}
