internal import PQFormat
internal import PQKernels
internal import PQStorage

/// Checks everything that opening leaves for first use. Each damaged part is one problem; the check goes on after it,
/// up to a limit.
extension IndexFile {
  static let maximumProblems = 100

  /// - Parameter deep: also decodes every frame: code ranges, unused lanes, ids, finite vectors, kept compression.
  /// - Complexity: O(file); deep: O(n · (m + D)), and O(n · log n) for the ids.
  borrowing func verify(deep: Bool) -> [FormatError] {
    var problems: [FormatError] = []
    func note(_ check: () throws(FormatError) -> Void) {
      guard problems.count < Self.maximumProblems else { return }
      do throws(FormatError) { try check() } catch { problems.append(error) }
    }
    for section in table.sections {
      guard let kind = section.kind else { continue }
      note { () throws(FormatError) in try checkSection(kind) }
    }
    note { () throws(FormatError) in try checkModel() }
    note { () throws(FormatError) in try checkGaps() }
    if deep { note { () throws(FormatError) in try checkBlockPadding() } }
    var walk = DirectoryWalk(table)
    for number in 0..<parameters.listCount {
      note { () throws(FormatError) in
        let view = try list(number)
        try walk.enter(view, self)
        for kind in IndexParameters.frameSections {
          for index in 0..<frameCount(kind, view) {
            note { () throws(FormatError) in
              let frame = try frame(kind, view, index)
              try walk.enter(frame, self)
              if deep { try checkContent(frame, &walk) }
            }
          }
        }
      }
    }
    if problems.isEmpty { note { () throws(FormatError) in try walk.finish(self, deep: deep) } }
    return problems
  }

  /// The bytes between header, sections, section table, footer: all zero.
  private borrowing func checkGaps() throws(FormatError) {
    var parts = table.sections.map { (name: "section \($0.name)", start: $0.offset, end: $0.end) }
    let tableEnd = header.sectionTableOffset + UInt64(header.sectionCount * Section.byteCount)
    parts.append(("section table", header.sectionTableOffset, tableEnd))
    parts.append(("footer", header.footerOffset, header.fileLength))
    var end = UInt64(Header.byteCount)
    for part in parts {
      try checkZero(end, part.start, before: part.name)
      end = part.end
    }
  }

  borrowing func checkZero(_ start: UInt64, _ end: UInt64, before name: String) throws(FormatError) {
    guard map.bytes.slice(Int(start), Int(end - start)).isZero else {
      throw FormatError(.badPadding, "padding before \(name)", at: start, "\(end - start) bytes should be zero")
    }
  }

  /// The lanes of centroid and codebook blocks that hold no vector: all zero.
  private borrowing func checkBlockPadding() throws(FormatError) {
    let p = parameters
    try checkBlocks(.centroids, sets: p.nlist > 0 ? 1 : 0, vectors: p.nlist, dimension: p.dimension)
    try checkBlocks(.codebooks, sets: p.m, vectors: 1 << p.nbits, dimension: p.subdimension)
  }

  private borrowing func checkBlocks(
    _ kind: SectionKind, sets: Int, vectors: Int, dimension: Int
  ) throws(FormatError) {
    let floats = bytes(of: kind).floats()
    let size = LaneBlocks.floats(vectors: vectors, dimension: dimension)
    for set in 0..<sets {
      for vector in vectors..<LaneBlocks.blocks(vectors) * LaneBlocks.lanes {
        for component in 0..<dimension {
          let at = set * size + LaneBlocks.index(vector: vector, component: component, dimension: dimension)
          guard floats[at].bitPattern == 0 else {
            throw FormatError(
              .badPadding, "section \(kind.name)", at: (table[kind]?.offset ?? 0) + UInt64(4 * at), "an unused lane")
          }
        }
      }
    }
  }
}

/// What a walk over all lists and frames in order must find: no gap in the frame table, no overlap, nothing but zeros
/// between frames, and n vectors.
struct DirectoryWalk {
  private var nextFrame = 0
  private var vectors = 0
  /// Where the last frame of each section ended.
  private var ends: [SectionKind: UInt64] = [:]
  /// Deep: the last id of the list being walked, and all ids unless they ascend over the whole file.
  private var ids: [UInt64] = []
  private var idList = -1

  init(_ table: SectionTable) {
    for kind in IndexParameters.frameSections { ends[kind] = table[kind]?.offset }
  }

  mutating func enter(_ list: ListView, _ file: borrowing IndexFile) throws(FormatError) {
    guard list.firstFrame == nextFrame else {
      throw FormatError(
        .badList, "list \(list.number)", at: (file.table[.lists]?.offset ?? 0) + UInt64(list.number * 16 + 8),
        "first frame expected \(nextFrame), found \(list.firstFrame)")
    }
    for kind in IndexParameters.frameSections { nextFrame += file.frameCount(kind, list) }
    vectors += list.count
  }

  mutating func enter(_ frame: FrameView, _ file: borrowing IndexFile) throws(FormatError) {
    let end = ends[frame.kind] ?? 0
    let alignment = frame.kind == .ids ? 1 : FrameEntry.alignment
    let expected = (end + alignment - 1) / alignment * alignment
    guard frame.entry.offset == expected else {
      throw FormatError(
        .badFrame, frame.place, at: frame.entry.offset, "offset expected \(expected), found \(frame.entry.offset)")
    }
    ends[frame.kind] = frame.entry.offset + UInt64(frame.entry.length)
    try file.checkZero(end, expected, before: frame.place)
  }

  /// Adds an id frame's ids, which must ascend within the list.
  mutating func add(_ new: [UInt64], _ frame: FrameView) throws(FormatError) {
    var last = frame.list == idList ? ids.last : nil
    idList = frame.list
    for id in new {
      if let last, id <= last {
        throw FormatError(.badFrame, frame.place, at: frame.entry.offset, "id \(id) after \(last): ids must ascend")
      }
      last = id
    }
    ids += new
  }

  mutating func finish(_ file: borrowing IndexFile, deep: Bool) throws(FormatError) {
    guard UInt64(vectors) == file.parameters.count else {
      throw FormatError(
        .badList, "section lists", at: file.table[.lists]?.offset ?? 0,
        "\(vectors) vectors in all lists, the header says \(file.parameters.count)")
    }
    guard nextFrame == file.checks.frames.count else {
      throw FormatError(
        .badSection, "section frames", at: file.table[.frames]?.offset ?? 0,
        "\(file.checks.frames.count) frames, the lists have \(nextFrame)")
    }
    for (kind, end) in ends {
      guard let section = file.table[kind], section.end == end else {
        throw FormatError(.badSection, "section \(kind.name)", at: end, "bytes after the last frame")
      }
    }
    guard deep else { return }
    ids.sort()
    for i in ids.indices.dropFirst() where ids[i] == ids[i - 1] {
      throw FormatError(
        .badList, "section ids", at: file.table[.ids]?.offset ?? 0, "id \(ids[i]) occurs in two lists")
    }
  }
}
