internal import Glibc
public import PQFormat
internal import PQStorage

/// What an index file is made of.
extension Index {
  /// Checks every checksum, the whole directory and the padding between parts; `deep` also decodes every frame and checks
  /// what is in it.
  /// - Returns: what is wrong, at most 100 problems, each once; empty for a sound file. What follows from another
  ///   problem is not reported beside it.
  /// - Complexity: O(file bytes); deep: O(n · (m + D)), and for ids that are not dense O(n · log n). Memory: at most a
  ///   fraction of the file's length, or a few MiB.
  public func verify(deep: Bool = false) -> [FormatError] { file.verify(deep: deep) }

  /// One section of the file.
  public struct SectionSummary: Sendable {
    public let name: String
    public let offset: UInt64
    public let length: UInt64
    /// Of the whole section; nil where frames or pages have their own.
    public let crc: UInt32?
    /// Frames, and how many of them are LZ4 blocks; 0 for sections without frames.
    public let frames: Int
    public let compressedFrames: Int
    /// Bytes before compression.
    public let rawLength: UInt64
  }

  /// All sections, in order, by the directory: no frame is looked at. O(frames).
  public func sections() throws(IndexError) -> [SectionSummary] {
    try inspect { (file) throws(FormatError) in try file.sectionSummaries() }
  }

  /// Vectors of each list. O(nlist).
  public func listSizes() throws(IndexError) -> [Int] {
    try inspect { (file) throws(FormatError) in
      var sizes: [Int] = []
      for number in 0..<file.parameters.listCount { sizes.append(try file.list(number).count) }
      return sizes
    }
  }

  /// What a list holds, in the file's order.
  public struct ListContents: Sendable {
    /// Vectors of the list; what follows may be of fewer.
    public let count: Int
    public let ids: [UInt64]
    /// `[vector][m]`.
    public let codes: [UInt16]
    /// What each vector's bracket is at least; empty where the index has no brackets.
    public let brackets: [Double]
  }

  /// One list: how many vectors it has, and what the first `limit` of them are. O(limit).
  /// - Throws: `.usage` where there is no such list, or for a limit below 0; `.format` for damage.
  public func listContents(_ number: Int, limit: Int) throws(IndexError) -> ListContents {
    guard limit >= 0 else { throw .usage("limit is \(limit); it is 0 or more") }
    guard (0..<parameters.listCount).contains(number) else {
      throw .usage("list \(number): the index has lists 0...\(parameters.listCount - 1)")
    }
    return try inspect { (file) throws(FormatError) in
      let view = try file.list(number)
      return ListContents(
        count: view.count, ids: try file.ids(view, limit: limit), codes: try file.codes(view, limit: limit),
        brackets: try file.brackets(view, limit: limit))
    }
  }

  /// The entropy of each subspace's codes over the whole index, in bits: at most nbits. O(n · m).
  public func codeEntropy() throws(IndexError) -> [Double] {
    try inspect { (file) throws(FormatError) in try file.codeEntropy() }
  }

  /// The metadata section: JSON that tells how the index was built; nil if the file has none.
  public func metadata() throws(IndexError) -> String? {
    try inspect(pages: false) { (file) throws(FormatError) in try file.metadata() }
  }

  /// Where a section is; nil if the file has none of that name. Nothing of it is checked. O(1).
  public func sectionRange(_ name: String) -> Range<UInt64>? {
    file.table.sections.first { $0.name == name }.map { $0.offset..<$0.end }
  }

  /// The names of all sections, in order. O(1).
  public var sectionNames: [String] { file.table.sections.map(\.name) }

  /// `count` bytes of the file at `offset`, as far as it goes. Nothing of them is checked.
  public func fileBytes(at offset: UInt64, count: Int) throws(IndexError) -> [UInt8] {
    try file.unlessFailed { (file) throws(IndexError) in
      do throws(FormatError) { return try file.copyBytes(at: offset, count: count) } catch {
        throw .format(path: path, error)
      }
    }
  }

  /// The file's version of the format, major.minor.
  public var formatVersion: String { "\(Header.currentMajor).\(file.header.minor)" }
  /// Where the section table begins, in bytes from the start of the file, and how many sections it has.
  public var sectionTableOffset: UInt64 { file.header.sectionTableOffset }
  public var sectionCount: Int { file.header.sectionCount }
  /// Where the footer begins, in bytes from the start of the file.
  public var footerOffset: UInt64 { file.header.footerOffset }

  /// - Parameter pages: whether lists or frames are looked at, whose pages have their checksums in a section of its own. No
  ///   more is checked beforehand: what is sound of a damaged file can be looked at.
  private func inspect<Result>(
    pages: Bool = true, _ body: (borrowing IndexFile) throws(FormatError) -> Result
  ) throws(IndexError) -> Result {
    try file.unlessFailed { (file) throws(IndexError) in
      do throws(FormatError) {
        if pages { try file.checkSection(.pages) }
        return try body(file)
      } catch { throw .format(path: path, error) }
    }
  }
}

extension IndexFile {
  borrowing func copyBytes(at offset: UInt64, count: Int) throws(FormatError) -> [UInt8] {
    var copy: [UInt8] = []
    let start = min(Int(clamping: offset), map.count)
    let count = max(0, min(count, map.count - start))
    try load(start..<start + count)
    copy.append(map.bytes.slice(start, count))
    return copy
  }

  /// The metadata's text, its checksum and encoding checked. O(section).
  borrowing func metadata() throws(FormatError) -> String? {
    guard let section = table[.metadata] else { return nil }
    try checkSection(section)
    var text: [UInt8] = []
    text.append(bytes(of: section))
    guard let text = String(validating: text, as: UTF8.self) else {
      throw FormatError(.badSection, "section metadata", at: section.offset, "the text is not UTF-8")
    }
    return text
  }

  borrowing func sectionSummaries() throws(FormatError) -> [Index.SectionSummary] {
    var frames: [SectionKind: (count: Int, compressed: Int, raw: UInt64)] = [:]
    for number in 0..<parameters.listCount {
      let view = try list(number)
      for kind in IndexParameters.frameSections {
        for index in 0..<frameCount(kind, view) {
          let frame = try frameView(kind, view, index)
          frames[kind, default: (0, 0, 0)].count += 1
          frames[kind, default: (0, 0, 0)].compressed += frame.isCompressed ? 1 : 0
          frames[kind, default: (0, 0, 0)].raw += UInt64(frame.rawLength)
        }
      }
    }
    return table.sections.map { section in
      let own = section.kind.flatMap { frames[$0] }
      return Index.SectionSummary(
        name: section.name, offset: section.offset, length: section.length,
        crc: section.hasChecksum ? section.crc : nil, frames: own?.count ?? 0, compressedFrames: own?.compressed ?? 0,
        rawLength: own?.raw ?? section.length)
    }
  }

  borrowing func codeEntropy() throws(FormatError) -> [Double] {
    let m = parameters.m
    guard m > 0, parameters.count > 0 else { return [] }
    var histogram = [Int](repeating: 0, count: m << parameters.nbits)
    var scratch: [UInt8] = []
    for number in 0..<parameters.listCount {
      let list = try list(number)
      for index in 0..<frameCount(.codes, list) {
        for (i, code) in try codes(frame(.codes, list, index), &scratch).enumerated() {
          histogram[(i % m) << parameters.nbits + Int(code)] += 1
        }
      }
    }
    let total = Double(parameters.count)
    return (0..<m).map { s in
      histogram[s << parameters.nbits..<(s + 1) << parameters.nbits].reduce(0) { entropy, count in
        count == 0 ? entropy : entropy - Double(count) / total * log2(Double(count) / total)
      }
    }
  }
}
