internal import PQFormat
internal import PQKernels
internal import PQStorage

/// A mapped index file, and what of it has been checked: nothing is copied out of the map.
///
/// Opening checks the structure (header, footer, section table). Each other byte is checked when it is first used,
/// once per open file; see `IndexFile+Checks.swift`.
struct IndexFile: ~Copyable, Sendable {
  let map: MappedFile
  let header: Header
  let table: SectionTable
  let checks: Checks
  let places: Places

  var parameters: IndexParameters { header.parameters }

  /// Maps and checks the file's structure (Formats/pqx-v1.md, "Reading", steps 1–7). O(1).
  init(path: String, access: FileAccess) throws(IndexError) {
    let map: MappedFile
    do throws(FileError) { map = try MappedFile(path: path, access: access) } catch { throw .file(error) }
    try self.init(map)
  }

  /// Checks the structure of a file that is mapped. O(1).
  init(_ map: consuming MappedFile) throws(IndexError) {
    let structure: IndexStructure
    do throws(FormatError) {
      structure = try Self.decodeStructure(map)
    } catch {
      if let failure = map.failure { throw .file(failure) }
      throw .format(path: map.path, error)
    }
    checks = Checks(structure.table, lists: structure.header.parameters.listCount)
    places = Places(structure.header, structure.table)
    self.map = map
    header = structure.header
    table = structure.table
  }

  private static func decodeStructure(_ map: borrowing MappedFile) throws(FormatError) -> IndexStructure {
    let bytes = map.bytes
    map.prefetch(offset: 0, count: min(bytes.byteCount, Header.byteCount))
    try load(0..<min(bytes.byteCount, Header.byteCount), of: map)
    let header = try IndexStructure.header(bytes)
    let end = Int(header.sectionTableOffset)
    map.prefetch(offset: end, count: bytes.byteCount - end)
    try load(end..<bytes.byteCount, of: map)
    return try IndexStructure(header, decoding: bytes)
  }

  /// Sees to it that a range of the file can be used, before it is checked.
  borrowing func load(_ range: Range<Int>) throws(FormatError) { try Self.load(range, of: map) }

  private static func load(_ range: Range<Int>, of map: borrowing MappedFile) throws(FormatError) {
    do throws(FileError) {
      try map.load(range)
    } catch {
      throw FormatError(.unreadable, "file", at: UInt64(range.lowerBound), error.description)
    }
  }

  /// What `body` gives, unless the file failed under it: then nothing that it gave or threw counts.
  borrowing func unlessFailed<Result>(
    _ body: (borrowing IndexFile) throws(IndexError) -> Result
  ) throws(IndexError) -> Result {
    do throws(IndexError) {
      let result = try body(self)
      if let failure = map.failure { throw .file(failure) }
      return result
    } catch {
      if let failure = map.failure { throw .file(failure) }
      throw error
    }
  }

  /// The bytes of a section; none if the file has no such section. Its range was checked at open.
  @_lifetime(borrow self)
  borrowing func bytes(of kind: SectionKind) -> RawSpan {
    guard let section = table[kind] else { return map.bytes.slice(0, 0) }
    return map.bytes.slice(Int(section.offset), Int(section.length))
  }

  /// The bytes of a section, of a known kind or not.
  @_lifetime(borrow self)
  borrowing func bytes(of section: Section) -> RawSpan {
    map.bytes.slice(Int(section.offset), Int(section.length))
  }
}

/// What finding a list or a frame takes, from header and section table.
struct Places: Sendable {
  /// Where the centroids begin; 0 if there are none.
  let centroids: Int
  let lists: Section
  let frames: Section
  /// Sections of frames, by the order in which a list's frames stand in the frame table.
  private let codes: FrameSection
  private let ids: FrameSection
  private let vectors: FrameSection

  /// A section of frames, or none: then no list has any.
  struct FrameSection: Sendable {
    let section: Section?
    /// Vectors of a full frame.
    let capacity: Int
    private let shift: Int
    /// Added to a count before it is divided by the capacity.
    private let rest: Int

    init(_ section: Section?, capacity: Int) {
      self.section = section
      self.capacity = capacity
      let isPower = capacity & (capacity - 1) == 0
      shift = section == nil ? Int.bitWidth - 1 : isPower ? capacity.trailingZeroBitCount : -1
      rest = section == nil ? 0 : capacity - 1
    }

    /// Frames of a list of `count` vectors.
    @inline(__always)
    func frames(_ count: Int) -> Int { shift >= 0 ? (count + rest) &>> shift : (count + rest) / capacity }
  }

  init(_ header: Header, _ table: SectionTable) {
    // Their presence was checked with the table.
    let none = Section(kind: .lists, offset: 0, length: 0, crc: 0)
    centroids = Int(table[.centroids]?.offset ?? 0)
    lists = table[.lists] ?? none
    frames = table[.frames] ?? none
    func place(_ kind: SectionKind) -> FrameSection {
      FrameSection(table[kind], capacity: header.parameters.vectorsPerFrame(kind))
    }
    codes = place(.codes)
    ids = place(.ids)
    vectors = place(.vectors)
  }

  /// - Precondition: `kind` has frames.
  @inline(__always)
  func of(_ kind: SectionKind) -> FrameSection {
    switch kind {
    case .codes: codes
    case .ids: ids
    default: vectors
    }
  }

  /// Frames of a list of `count` vectors.
  @inline(__always)
  func frames(_ kind: SectionKind, _ count: Int) -> Int {
    switch kind {
    case .codes: codes.frames(count)
    case .ids: ids.frames(count)
    default: vectors.frames(count)
    }
  }

  /// All frames of a list of `count` vectors.
  @inline(__always)
  func frames(_ count: Int) -> Int { codes.frames(count) + ids.frames(count) + vectors.frames(count) }

  /// Frames of a list that stand before those of `kind`.
  @inline(__always)
  func framesBefore(_ kind: SectionKind, _ count: Int) -> Int {
    switch kind {
    case .codes: 0
    case .ids: codes.frames(count)
    default: codes.frames(count) + ids.frames(count)
    }
  }
}
