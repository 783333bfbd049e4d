internal import PQFormat

/// All that a build needs, beside the bytes of its files, to go on from a place: later bytes are cut off.
struct Checkpoint: Sendable, Equatable {
  /// The rows that have been taken.
  var input = InputMark()
  /// Whether these are all rows.
  var isEncoded = false
  /// The runs of spilled vectors.
  var runs = RunSet()
  /// Where the merge of the runs stands in each; empty before it begins.
  var positions: [UInt64] = []
  /// The writer's state; nil while it has nothing but the model.
  var writer: IndexWriter.State?

  init() {}

  init(_ fields: inout FieldReader) {
    input = InputMark(&fields)
    isEncoded = fields.u8() == 1
    runs = RunSet(&fields)
    positions = fields.words()
    if fields.u8() == 1 { writer = IndexWriter.State(&fields) }
  }

  func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    input.encode(to: &bytes)
    bytes.append(isEncoded ? 1 : 0)
    runs.encode(to: &bytes)
    bytes.append(words: positions)
    bytes.append(writer == nil ? 0 : 1)
    writer?.encode(to: &bytes)
    return bytes
  }
}

/// How far a build has read its input, and checksums by which the same rows are known again.
struct InputMark: Sendable, Equatable {
  /// Rows from the first that was to be read.
  private(set) var rows: UInt64 = 0
  /// CRC-32C of all of them, as f32.
  private(set) var crc: UInt32 = 0
  /// The rows of the last chunk, and their CRC-32C.
  private(set) var lastRows: UInt32 = 0
  private(set) var lastCRC: UInt32 = 0

  init() {}

  init(_ fields: inout FieldReader) {
    rows = fields.u64()
    crc = fields.u32()
    lastRows = fields.u32()
    lastCRC = fields.u32()
  }

  func encode(to bytes: inout [UInt8]) {
    bytes.append(littleEndian: rows)
    bytes.append(littleEndian: crc)
    bytes.append(littleEndian: lastRows)
    bytes.append(littleEndian: lastCRC)
  }

  /// Counts a chunk of rows in.
  mutating func add(_ chunk: Span<Float>, count: Int) {
    let bytes = chunk.rawSpan
    crc = Checksum.plain(bytes, continuing: crc)
    lastCRC = Checksum.plain(bytes)
    lastRows = UInt32(count)
    rows += UInt64(count)
  }
}

/// What makes a build what it is: two builds of the same identity give the same bytes.
struct BuildIdentity: Sendable, Equatable {
  /// Names and values of all that the caller chose, and of the inputs' states.
  var parameters: [String] = []
  var inputs: [String] = []

  init() {}

  init(_ fields: inout FieldReader) {
    parameters = Self.lines(fields.blob())
    inputs = Self.lines(fields.blob())
  }

  func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(blob: Array(parameters.joined(separator: "\n").utf8))
    bytes.append(blob: Array(inputs.joined(separator: "\n").utf8))
    return bytes
  }

  private static func lines(_ bytes: [UInt8]) -> [String] {
    String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  /// Throws `.usage` for other parameters, `.badData` for other inputs, saying what was and what is.
  func check(against now: BuildIdentity) throws(BuildError) {
    if let change = Self.change(parameters, now.parameters) {
      throw .usage(
        "--resume: the build that was begun has other parameters: \(change); give the same, or start again with --force"
      )
    }
    if let change = Self.change(inputs, now.inputs) {
      throw .badData("--resume: the input changed since the build was begun: \(change); start again with --force")
    }
  }

  private static func change(_ old: [String], _ new: [String]) -> String? {
    let gone = old.filter { !new.contains($0) }
    let come = new.filter { !old.contains($0) }
    guard !gone.isEmpty || !come.isEmpty else { return nil }
    func list(_ lines: [String]) -> String { lines.isEmpty ? "nothing of it" : lines.joined(separator: ", ") }
    return "it was \(list(gone)), it is \(list(come))"
  }
}
