internal import PQFormat

/// Cuts vectors, list by list in ascending order, and within a list by ascending id, into what each frame holds, and
/// these into pieces.
struct FrameCutter {
  private let index: IndexParameters
  private let pieceBytes: Int
  private var piece: MergePiece
  private var codes: OpenFrame
  private var ids: OpenFrame
  private var rows: OpenFrame
  /// The list that is being cut.
  private(set) var list = 0
  private var listVectors: UInt64 = 0
  private var lastID: UInt64?
  /// All vectors so far.
  private(set) var count: UInt64 = 0

  init(_ index: IndexParameters, pieceBytes: Int, _ piece: MergePiece) {
    self.index = index
    self.pieceBytes = pieceBytes
    self.piece = piece
    codes = OpenFrame(index.vectorsPerFrame(.codes))
    ids = OpenFrame(index.vectorsPerFrame(.ids))
    rows = OpenFrame(index.vectorsPerFrame(.vectors))
  }

  /// Bytes that make up a piece: enough that handing it on costs nothing beside making its frames.
  static let pieceBytes = 512 << 10

  /// Bytes that a piece may take: of what it holds and of its frames, which are as long, what makes it full, the
  /// vectors that were added last, and a frame of each section; and the terms of its brackets.
  static func pieceBound(_ index: IndexParameters) -> Int {
    let frames = IndexParameters.frameSections.reduce(0) {
      $0 + index.rawFrameBytes($1, vectors: index.vectorsPerFrame($1), planes: 8)
    }
    let terms = index.codeLayout.map { $0.hasBracket ? 8 * $0.m << $0.nbits : 0 } ?? 0
    return 2 * (pieceBytes + frames + ShardCursor.takenBytes(index)) + terms
  }

  /// Whether the piece should be handed on. What is in open frames is not: the next piece begins with it.
  var isFull: Bool {
    let open = openTileBytes + 8 * ids.content.count + index.rowBytes * rows.content.count
    return piece.byteCount - open >= pieceBytes
  }

  private var openTileBytes: Int {
    index.codeLayout.map { $0.openTiles(codes.content.count) * $0.openTileBytes } ?? 0
  }

  /// Adds ids that ascend strictly; their codes and rows follow.
  /// - Throws: `.badData` unless they are above the list's ids before them.
  mutating func add(ids span: Span<UInt64>) throws(BuildError) {
    if !span.isEmpty, let lastID, span[0] <= lastID {
      throw .badData("id \(span[0]) occurs twice; ids must be unique")
    }
    if !span.isEmpty { lastID = span[span.count - 1] }
    piece.ids.ids.append(span)
    ids.add(span.count, list, to: &piece.ids.frames)
  }

  /// Counts vectors whose ids, codes and rows are added.
  mutating func add(vectors: Int) {
    listVectors += UInt64(vectors)
    count += UInt64(vectors)
  }

  /// Adds the codes of the vectors `range` of a frame of `count` vectors.
  mutating func add(codes frame: RawSpan, _ range: Range<Int>, count: Int, _ layout: CodeLayout) {
    var next = range.lowerBound
    while next < range.upperBound {
      let end = min(range.upperBound, next + codes.room)
      layout.copyCodes(frame, next..<end, count: count, to: &piece.codes.tiles, after: codes.content.count)
      codes.add(end - next, list, to: &piece.codes.frames)
      next = end
    }
  }

  /// Adds `count` packed rows.
  mutating func add(rows span: RawSpan, count: Int) {
    piece.rows.bytes.append(span)
    rows.add(count, list, to: &piece.rows.frames)
  }

  /// Ends the current list, which may be empty, and begins the next.
  mutating func endList() {
    codes.endList(&piece.codes.frames)
    ids.endList(&piece.ids.frames)
    rows.endList(&piece.rows.frames)
    piece.ended.append(listVectors)
    list += 1
    listVectors = 0
    lastID = nil
  }

  /// Goes on with `next`, which gets what frames that are open hold, and gives the piece with all the others.
  mutating func cut(next: MergePiece) -> MergePiece {
    piece.codes.tiles.moveLast(openTileBytes, to: &next.codes.tiles)
    piece.ids.ids.moveLast(ids.content.count, to: &next.ids.ids)
    piece.rows.bytes.moveLast(rows.content.count * index.rowBytes, to: &next.rows.bytes)
    defer { piece = next }
    return piece
  }
}

/// The frame of a section that is being put together.
private struct OpenFrame {
  private let capacity: Int
  private(set) var content = FrameContent()

  init(_ capacity: Int) { self.capacity = capacity }

  var room: Int { capacity - content.count }

  /// Adds vectors; frames that become full are appended to `frames`.
  mutating func add(_ vectors: Int, _ list: Int, to frames: inout [FrameContent]) {
    content.list = list
    var left = vectors
    while left >= room {
      left -= room
      content.count = capacity
      frames.append(content)
      content.number += 1
      content.count = 0
    }
    content.count += left
  }

  mutating func endList(_ frames: inout [FrameContent]) {
    if content.count > 0 { frames.append(content) }
    content = FrameContent()
  }
}

extension Array where Element: BitwiseCopyable {
  /// Moves the last `count` elements to the end of `other`.
  fileprivate mutating func moveLast(_ count: Int, to other: inout Self) {
    other.append(span.extracting(self.count - count..<self.count))
    removeLast(count)
  }
}
