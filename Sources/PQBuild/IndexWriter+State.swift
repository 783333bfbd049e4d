internal import PQFormat

extension IndexWriter {
  /// Where a writer stands: how long its files are, and what no file holds yet.
  struct State: Sendable, Equatable {
    var list: UInt64
    var listVectors: UInt64
    var lastID: UInt64?
    var count: UInt64
    var frameCount: UInt64
    var squares: Double
    var outputBytes: UInt64
    var idBytes: UInt64
    var vectorBytes: UInt64
    var listBytes: UInt64
    var codeFrames: FrameWriter.State
    var idFrames: FrameWriter.State
    var vectorFrames: FrameWriter.State
    var codes: [UInt8]
    var ids: [UInt64]
    var rows: [UInt8]
  }
}

extension IndexWriter.State {
  init(_ fields: inout FieldReader) {
    list = fields.u64()
    listVectors = fields.u64()
    let hasID = fields.u8() == 1
    let id = fields.u64()
    lastID = hasID ? id : nil
    count = fields.u64()
    frameCount = fields.u64()
    squares = Double(bitPattern: fields.u64())
    outputBytes = fields.u64()
    idBytes = fields.u64()
    vectorBytes = fields.u64()
    listBytes = fields.u64()
    codeFrames = FrameWriter.State(count: fields.u64(), entryBytes: fields.u64())
    idFrames = FrameWriter.State(count: fields.u64(), entryBytes: fields.u64())
    vectorFrames = FrameWriter.State(count: fields.u64(), entryBytes: fields.u64())
    codes = fields.blob()
    ids = fields.words()
    rows = fields.blob()
  }

  func encode(to bytes: inout [UInt8]) {
    for word in [list, listVectors] { bytes.append(littleEndian: word) }
    bytes.append(lastID == nil ? 0 : 1)
    let words = [
      lastID ?? 0, count, frameCount, squares.bitPattern, outputBytes, idBytes, vectorBytes, listBytes,
      codeFrames.count, codeFrames.entryBytes, idFrames.count, idFrames.entryBytes, vectorFrames.count,
      vectorFrames.entryBytes,
    ]
    for word in words { bytes.append(littleEndian: word) }
    bytes.append(blob: codes)
    bytes.append(words: ids)
    bytes.append(blob: rows)
  }
}
