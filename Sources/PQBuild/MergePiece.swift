internal import PQFormat
internal import PQModel

/// Some frames of consecutive lists on their way from the shards to the file: first what they hold, then, once
/// ``encode()`` was called, the frames. Its arrays serve one filling after another.
///
/// A class, so that none of its arrays is copied on the way. One thread at a time has it: it is handed on through the
/// ring's monitor, and only who has it touches it.
final class MergePiece: @unchecked Sendable {
  var codes: CodePiece
  var ids: IDPiece
  var rows: RowPiece
  /// How many vectors each list has that ends in the piece.
  var ended: [UInt64] = []

  init(codes: CodePiece, ids: IDPiece, rows: RowPiece) {
    self.codes = codes
    self.ids = ids
    self.rows = rows
  }

  /// Bytes of what its frames hold.
  var byteCount: Int { codes.tiles.count + 8 * ids.ids.count + rows.bytes.count + 8 * ended.count }

  /// Makes the frames of all that is in closed frames. Depends on nothing but the piece.
  func encode() {
    codes.encode()
    ids.encode()
    rows.encode()
  }

  /// Empties it, once its frames were written.
  func removeAll() {
    codes.batch.removeAll()
    ids.batch.removeAll()
    rows.batch.removeAll()
    ended.removeAll(keepingCapacity: true)
  }
}

/// What a frame holds: `count` vectors of a list, of whose frames in the section it is the one with the number.
struct FrameContent: Sendable {
  var list = 0
  var number: UInt64 = 0
  var count = 0
}

/// Code frames, each as open tiles (`CodeLayout`).
struct CodePiece: Sendable {
  var frames: [FrameContent] = []
  var tiles: [UInt8] = []
  var batch: FrameBatch
  private let layout: CodeLayout?
  private var brackets: Brackets?
  private var raw: [UInt8] = []

  init(_ index: IndexParameters, _ brackets: Brackets?, batch: FrameBatch) {
    layout = index.codeLayout
    self.brackets = brackets
    self.batch = batch
  }

  mutating func encode() {
    guard let layout else { return }
    var (tiles, raw) = (self.tiles.takeAll(), self.raw.takeAll())
    var start = 0
    for frame in frames {
      raw.removeAll(keepingCapacity: true)
      let from = start
      let brackets = brackets?.frame(count: frame.count, list: frame.list) { first, subspace, lanes in
        let tile = tiles.rawSpan.slice(from + first * layout.codePlanes, layout.openTileBytes)
        layout.readCodes(tile, subspace: subspace, into: &lanes)
      }
      let length = layout.openTiles(frame.count) * layout.openTileBytes
      layout.appendFrame(
        tiles.rawSpan.slice(start, length), count: frame.count, brackets: brackets?.bytes ?? [], to: &raw)
      let range = brackets.map { FrameEntry.brackets(minimum: $0.minimum, step: $0.step) } ?? 0
      batch.append(raw.rawSpan, list: frame.list, number: frame.number, firstID: range)
      start += length
    }
    frames.removeAll(keepingCapacity: true)
    self.tiles.putBack(&tiles)
    self.raw.putBack(&raw)
  }
}

struct IDPiece: Sendable {
  var frames: [FrameContent] = []
  var ids: [UInt64] = []
  var batch: FrameBatch
  private var raw: [UInt8] = []

  init(batch: FrameBatch) { self.batch = batch }

  mutating func encode() {
    var (ids, raw) = (self.ids.takeAll(), self.raw.takeAll())
    var start = 0
    for frame in frames {
      raw.removeAll(keepingCapacity: true)
      let planes = IDFrame.append(ids.span.extracting(start..<start + frame.count), to: &raw)
      batch.append(raw.rawSpan, list: frame.list, number: frame.number, planes: planes, firstID: ids[start])
      start += frame.count
    }
    frames.removeAll(keepingCapacity: true)
    self.ids.putBack(&ids)
    self.raw.putBack(&raw)
  }
}

/// Vector frames, each as its packed rows.
struct RowPiece: Sendable {
  var frames: [FrameContent] = []
  var bytes: [UInt8] = []
  var batch: FrameBatch
  private let rowBytes: Int

  init(_ index: IndexParameters, batch: FrameBatch) {
    rowBytes = index.rowBytes
    self.batch = batch
  }

  mutating func encode() {
    var bytes = self.bytes.takeAll()
    var start = 0
    for frame in frames {
      let length = frame.count * rowBytes
      batch.append(bytes.rawSpan.slice(start, length), list: frame.list, number: frame.number)
      start += length
    }
    frames.removeAll(keepingCapacity: true)
    self.bytes.putBack(&bytes)
  }
}
