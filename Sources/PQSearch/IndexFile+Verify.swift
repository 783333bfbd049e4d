internal import PQFormat
internal import PQKernels
internal import PQStorage

/// Verification (Formats/pqx-v1.md, "Reading", last part): sections → padding → lists and their frames → ids.
///
/// It begins with the structure that opening has checked, and goes on after a problem with what does not depend on it.
extension IndexFile {
  /// All problems, up to ``Problems/limit``, in the order in which they were found.
  ///
  /// Pages of the directory that this open file has checked before, for a search, count as checked.
  /// - Parameter deep: also decodes every frame and checks its content. O(file), else O(file) with a small factor.
  borrowing func verify(deep: Bool) -> [FormatError] {
    var problems = Problems()
    let damaged = verifySections(&problems)
    verifyPadding(&problems)
    var walk = FrameWalk(table, deep: deep)
    walk.checksBrackets = damaged.isDisjoint(with: [.centroids, .codebooks, .centre])
    verifyLists(&walk, &problems)
    if deep, !problems.isFull, let ids = walk.idRange { verifyUniqueness(ids, walk.idCount, &problems) }
    if let failure = map.failure { return [FormatError(.unreadable, "file", at: 0, failure.description)] }
    return problems.all
  }

  /// Checks the sections that are checked as a whole; returns those that are damaged.
  private borrowing func verifySections(_ problems: inout Problems) -> Set<SectionKind> {
    var damaged = Set<SectionKind>()
    for section in table.sections {
      do throws(FormatError) {
        try checkSection(section)
        switch section.kind {
        case .centroids:
          try checkFinite(.centroids)
          try checkUnusedLanes(.centroids, vectors: parameters.nlist, dimension: parameters.dimension)
        case .codebooks:
          try checkFinite(.codebooks)
          try checkUnusedLanes(.codebooks, vectors: 1 << parameters.nbits, dimension: parameters.subdimension)
        case .rotation:
          try checkFinite(.rotation)
          try checkUnusedLanes(.rotation, vectors: parameters.dimension, dimension: parameters.dimension)
          try checkAxes()
        case .centre: try checkFinite(.centre)
        case .groups: _ = try groups()
        // A page of damaged centroids would be the same problem again.
        case .centroidPages where !damaged.contains(.centroids):
          for page in 0..<checks.centroidPages.count { try checkPage(.centroids, page) }
        case .metadata: _ = try metadata()
        default: break
        }
      } catch {
        if let kind = section.kind { damaged.insert(kind) }
        problems.add(error)
      }
    }
    return damaged
  }

  /// Checks that lanes of lane blocks that hold no vector are zero.
  /// - Parameters:
  ///   - vectors: of one group (the centroids, or a subspace's codebook); the section is a whole number of groups.
  ///   - dimension: components of one vector.
  private borrowing func checkUnusedLanes(_ kind: SectionKind, vectors: Int, dimension: Int) throws(FormatError) {
    let used = vectors % LaneBlocks.lanes
    guard used != 0 else { return }
    let floats = bytes(of: kind).floats()
    let groupFloats = LaneBlocks.floats(vectors: vectors, dimension: dimension)
    for groupEnd in stride(from: groupFloats, through: floats.count, by: groupFloats) {
      for row in stride(from: groupEnd - dimension * LaneBlocks.lanes, to: groupEnd, by: LaneBlocks.lanes) {
        for i in row + used..<row + LaneBlocks.lanes where floats[i].bitPattern != 0 {
          throw FormatError(
            .badPadding, "section \(kind.name)", at: (table[kind]?.offset ?? 0) + UInt64(4 * i),
            "a lane without a vector")
        }
      }
    }
  }

  /// The bytes between header, sections, section table and footer.
  private borrowing func verifyPadding(_ problems: inout Problems) {
    var end = UInt64(Header.byteCount)
    for section in table.sections {
      verifyZero(end..<section.offset, "before section \(section.name)", &problems)
      end = section.end
    }
    verifyZero(end..<header.sectionTableOffset, "before the section table", &problems)
    end = header.sectionTableOffset + UInt64(header.sectionCount * Section.byteCount)
    verifyZero(end..<header.footerOffset, "before the footer", &problems)
  }

  private borrowing func verifyZero(
    _ range: Range<UInt64>, _ place: @autoclosure () -> String, _ problems: inout Problems
  ) {
    do throws(FormatError) {
      try load(Int(range.lowerBound)..<Int(range.upperBound))
    } catch { return problems.add(error) }
    let padding = map.bytes.slice(Int(range.lowerBound), range.count)
    guard !padding.isZero, let first = (0..<padding.byteCount).first(where: { padding.u8(at: $0) != 0 }) else { return }
    problems.add(
      FormatError(
        .badPadding, place(), at: range.lowerBound + UInt64(first), "found the byte \(hex(padding.u8(at: first)))"))
  }

  /// Every list and its frames, in the order of the directory.
  private borrowing func verifyLists(_ walk: inout FrameWalk, _ problems: inout Problems) {
    for number in 0..<parameters.listCount {
      guard !problems.isFull else { return }
      do throws(FormatError) {
        try verifyList(try list(number), &walk, &problems)
      } catch {
        problems.add(error)
        walk.losePlace()
      }
    }
    let lists = table[.lists]?.offset ?? 0
    if let sum = walk.vectors, sum != parameters.count {
      problems.add(
        FormatError(.badList, "section lists", at: lists, "counts sum to \(sum), the header says \(parameters.count)"))
    }
    if let frames = walk.nextFrame, frames != UInt64(checks.frames.count) {
      problems.add(
        FormatError(
          .badList, "section frames", at: table[.frames]?.offset ?? 0,
          "\(checks.frames.count) frames, the lists have \(frames)"))
    }
    for kind in IndexParameters.frameSections {
      guard let section = table[kind], let end = walk.ends[kind], end != section.end else { continue }
      problems.add(
        FormatError(
          .badFrame, "section \(kind.name)", at: end, "the last frame ends here, the section at \(section.end)"))
    }
  }

  private borrowing func verifyList(
    _ list: ListView, _ walk: inout FrameWalk, _ problems: inout Problems
  ) throws(FormatError) {
    if let expected = walk.nextFrame, UInt64(list.firstFrame) != expected {
      throw FormatError(
        .badList, "list \(list.number)",
        at: (table[.lists]?.offset ?? 0) + UInt64(ListEntry.byteCount * list.number + 8),
        "first frame expected \(expected), found \(list.firstFrame)")
    }
    walk.begin(list, parameters)
    for kind in IndexParameters.frameSections {
      for index in 0..<frameCount(kind, list) {
        guard !problems.isFull else { return }
        do throws(FormatError) {
          let frame = try storedFrame(kind, list, index)
          verifyPlace(frame, &walk, &problems)
          if walk.deep { try verifyContent(frame, &walk) }
        } catch {
          problems.add(error)
          walk.ends[kind] = nil
          if kind == .ids { walk.lastID = nil }
        }
      }
    }
  }

  /// Checks that a frame begins where it should after the one before, with zeros between.
  private borrowing func verifyPlace(_ frame: FrameView, _ walk: inout FrameWalk, _ problems: inout Problems) {
    let offset = frame.entry.offset
    if let end = walk.ends[frame.kind] {
      let step = frame.kind == .ids ? 1 : FrameEntry.alignment
      let expected = (end + step - 1) / step * step
      if offset == expected {
        verifyZero(end..<offset, "before \(frame.place)", &problems)
      } else {
        problems.add(FormatError(.badFrame, frame.place, at: offset, "offset expected \(expected), found \(offset)"))
      }
    }
    walk.ends[frame.kind] = offset + UInt64(frame.entry.length)
  }
}

/// Where verification is in the directory. What is nil is not known, because the entry before it is damaged.
struct FrameWalk {
  let deep: Bool
  /// Whether centroids, codebooks and centre are sound, so that brackets can be checked by them.
  var checksBrackets = true
  /// The number that the next list's first frame must have.
  var nextFrame: UInt64? = 0
  /// The sum of the lists' counts.
  var vectors: UInt64? = 0
  /// Where the last frame of each section ended.
  var ends: [SectionKind: UInt64] = [:]
  /// The last id of the list so far.
  var lastID: UInt64?
  /// All ids that could be read are in here, and how many they are.
  var idRange: ClosedRange<UInt64>?
  var idCount: UInt64 = 0
  /// Decompressed frames.
  var scratch: [UInt8] = []

  init(_ table: SectionTable, deep: Bool) {
    self.deep = deep
    for kind in IndexParameters.frameSections { ends[kind] = table[kind]?.offset }
  }

  mutating func begin(_ list: ListView, _ parameters: IndexParameters) {
    let entry = ListEntry(count: UInt64(list.count), firstFrame: UInt64(list.firstFrame))
    nextFrame = entry.firstFrame + entry.frameTotal(parameters)
    // Counts are at most 2^40: saturation is far from any n.
    vectors = vectors.map { $0.addingReportingOverflow(entry.count) }.map { $0.overflow ? .max : $0.partialValue }
    lastID = nil
  }

  /// A list was not readable.
  mutating func losePlace() {
    nextFrame = nil
    vectors = nil
    ends = [:]
  }
}
