/// Checks of directory entries before any arithmetic on them (Formats/pqx-v1.md, "Directory"). O(1) each.
extension ListEntry {
  /// Throws unless the list's vectors are among the index's and its frames inside a table of `frameCount` frames.
  /// - Parameters:
  ///   - frames: all frames of the list, where its count is at most the index's; nil: counted here.
  ///   - offset: where the entry is in the file.
  package func check(
    list: Int, parameters: IndexParameters, frames: Int? = nil, frameCount: UInt64, at offset: UInt64
  ) throws(FormatError) {
    func bad(_ field: UInt64, _ detail: String) -> FormatError {
      FormatError(.badList, "list \(list)", at: offset + field, detail)
    }
    guard count <= parameters.count else { throw bad(0, "\(count) vectors of \(parameters.count)") }
    let frames = frames.map(UInt64.init) ?? frameTotal(parameters)
    guard firstFrame <= frameCount, frames <= frameCount - firstFrame else {
      throw bad(8, "\(frames) frames from \(firstFrame) on, the frame table has \(frameCount)")
    }
  }

  /// All frames of the list. At most 3 · count, so a checked count cannot overflow it.
  package func frameTotal(_ parameters: IndexParameters) -> UInt64 {
    IndexParameters.frameSections.reduce(0) { $0 &+ parameters.frames(of: $1, listCount: count) }
  }
}

extension FrameEntry {
  /// Throws unless the entry is one of a frame of `vectors` vectors in `section`; returns the raw length.
  /// - Parameters:
  ///   - place: names the frame: `list 12, code frame 0`.
  ///   - entryOffset: where the entry is in the file.
  package func check(
    _ kind: SectionKind, vectors: Int, in section: Section, parameters: IndexParameters,
    place: @autoclosure () -> String,
    at entryOffset: UInt64
  ) throws(FormatError) -> Int {
    func bad(_ field: UInt64, _ detail: String) -> FormatError {
      FormatError(.badFrame, place(), at: entryOffset + field, detail)
    }
    // Ids ascend strictly: one alone has no differences, two or more have some that are not zero. A frame without bytes
    // can therefore not stand for many ids, however small the file is.
    let possible = kind != .ids ? 0...0 : vectors > 1 ? 1...8 : 0...0
    guard possible.contains(planes) else { throw bad(6, "\(planes) byte planes for \(vectors) vectors") }
    if kind == .codes, parameters.hasBracket {
      guard bracketMinimum.isFinite, bracketStep.isFinite, bracketStep >= 0 else {
        throw bad(16, "brackets from \(bracketMinimum) in steps of \(bracketStep)")
      }
    } else {
      guard kind == .ids || firstID == 0 else { throw bad(16, "a first id where none belongs") }
    }
    let raw = parameters.rawFrameBytes(kind, vectors: vectors, planes: planes)
    guard length == raw || (length >= 1 && length <= Self.longestCompressed(raw)) else {
      throw bad(8, "stored length \(length): not the raw length \(raw), nor 1...\(Self.longestCompressed(raw))")
    }
    // No LZ4 block gives more than 255 bytes for one: this bounds what a damaged file makes a reader allocate.
    guard raw / 255 <= Int(length) else { throw bad(8, "\(length) bytes cannot decompress to \(raw)") }
    guard kind == .ids || offset % Self.alignment == 0 else { throw bad(0, "offset \(offset) is no multiple of 64") }
    guard offset >= section.offset, offset <= section.end, UInt64(length) <= section.end - offset else {
      throw bad(
        0, "\(length) bytes at \(offset) are not inside the section \(section.name), \(section.offset)..<\(section.end)"
      )
    }
    return raw
  }
}
