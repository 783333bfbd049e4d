import PQFormat
import Testing

@Suite struct HeaderTests {
  let file = SmallFile()

  @Test func decodesWhatWasEncoded() throws {
    for alignmentLog2 in 12...16 {
      let file = SmallFile(alignmentLog2: alignmentLog2)
      let (header, table) = try SmallFile.open(file.bytes)
      #expect(header == file.header)
      #expect(table == file.table)
    }
    for kind in IndexKind.allCases {
      for metric in Metric.allCases {
        var parameters = IndexParameters()
        parameters.dimension = 4
        parameters.metric = metric
        parameters.nlist = [.ivfflat, .ivfpq].contains(kind) ? 2 : 0
        parameters.m = [.pq, .ivfpq].contains(kind) ? 4 : 0
        parameters.nbits = parameters.m == 0 ? 0 : 11
        parameters.vectors = parameters.m == 0 ? .f16 : .none
        parameters.storesIDs = parameters.nlist > 0
        parameters.firstID = parameters.storesIDs ? 0 : 5_000_000_000
        let (header, _) = try SmallFile.open(SmallFile(parameters).bytes)
        #expect(header.parameters == parameters)
        #expect(header.parameters.kind == kind)
      }
    }
  }

  @Test func fieldsStandWhereTheFormatSays() {
    var parameters = SmallFile.parameters
    parameters.vectors = .u8
    parameters.vectorOffset = -128
    let bytes = SmallFile(parameters).bytes
    #expect(Array(bytes[0..<16]) == [0x89, 0x50, 0x51, 0x58, 0x0D, 0x0A, 0x1A, 0x0A, 1, 0, 3, 0, 12, 0, 0, 0])
    let length = bytes.rawSpan.u64(at: 40)
    #expect(length == UInt64(bytes.count))
    #expect(
      Array(bytes[88..<112]) == [6, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 4, 1, 1, 3, 0x80, 0xFF, 0xFF, 0xFF, 1, 0, 0, 0])
  }

  @Test func everyUnknownIncompatibleBitIsRefusedByName() {
    for bit in 2..<64 {
      let error = SmallFile.failure(SmallFile(features: Features(incompatible: 1 << UInt64(bit))).bytes)
      #expect(error?.code == .unsupportedFeature)
      #expect(error?.detail.contains("bit \(bit) ") == true)
    }
  }

  /// Brackets belong to residual codes and the metric l2, and an index of these may be without.
  @Test func bracketsNeedResidualsAndL2() throws {
    var parameters = SmallFile.parameters
    let (plain, _) = try SmallFile.open(SmallFile(parameters).bytes)
    #expect(!plain.parameters.hasBracket && plain.features == Features())
    parameters.hasBracket = true
    let (header, table) = try SmallFile.open(SmallFile(parameters).bytes)
    #expect(header.parameters == parameters && header.features == Features(incompatible: 2))
    #expect(table[.centre]?.length == 24)
    for change: (inout IndexParameters) -> Void in [{ $0.metric = .ip }, { $0.residual = false }] {
      var other = parameters
      change(&other)
      let error = SmallFile.failure(SmallFile(other).bytes)
      #expect(error?.code == .badField && error?.offset == 32)
    }
  }

  /// A rotation is of what codes stand for.
  @Test func rotationNeedsCodes() throws {
    var parameters = SmallFile.parameters
    parameters.isRotated = true
    let (header, table) = try SmallFile.open(SmallFile(parameters).bytes)
    #expect(header.parameters == parameters && header.features == Features(incompatible: 1))
    #expect(table[.rotation]?.length == 4 * 16 * 6)
    (parameters.m, parameters.nbits, parameters.residual) = (0, 0, false)
    let error = SmallFile.failure(SmallFile(parameters).bytes)
    #expect(error?.code == .badField && error?.offset == 32)
  }

  /// What minor version 0 wrote, and a later one that this reader does not know.
  @Test func anyMinorVersionIsRead() {
    for minor: UInt16 in [0, 1, 2, .max] {
      var bytes = file.bytes
      bytes.set(minor, at: 10)
      bytes.sealHeader()
      #expect(SmallFile.failure(bytes) == nil)
    }
  }

  @Test func compatibleBitsAreIgnored() {
    for bit in 0..<64 {
      let word = UInt64(1) << UInt64(bit)
      #expect(SmallFile.failure(SmallFile(features: Features(compatible: word, readCompatible: word)).bytes) == nil)
    }
  }

  @Test func newerMajorIsRefusedBeforeAllElse() {
    var bytes = file.bytes
    bytes.set(UInt16(2), at: 8)
    bytes.set(UInt16(7), at: 10)
    let error = SmallFile.failure(bytes)
    #expect(error?.code == .unsupportedVersion)
    #expect(error?.detail.contains("2.7") == true)
  }

  @Test func newerMinorIsRead() {
    var bytes = file.bytes
    bytes.set(UInt16(9), at: 10)
    bytes.sealHeader()
    #expect(SmallFile.failure(bytes) == nil)
  }

  /// Every field with values that its rule forbids: the error names the field's offset.
  @Test func badFieldsAreRefused() {
    let wrong: [(offset: Int, values: [UInt64], size: Int)] = [
      (12, [0, 11, 17, 63, 64, 0xFFFF_FFFF], 4),
      (56, [0, 4095, 4097, UInt64(file.bytes.count), 1 << 63, .max & ~4095], 8),
      (64, [65, 0xFFFF_FFFF], 4),
      (72, [1 << 40 + 1, 1 << 63, .max], 8),
      (80, [1, .max], 8),
      (88, [0, 65_537, 0xFFFF_FFFF], 4),
      (96, [4, 5, 7, 0xFFFF_FFFF], 4),
      (100, [0, 17, 255], 1),
      (101, [0, 4, 255], 1),
      (102, [2, 255], 1),
      (103, [4, 255], 1),
      (104, [1, 127, 0xFFFF_FF80, 0x8000_0000], 4),
      (108, [0, 2, 255], 1),
      (109, [1, 1 << 8, 1 << 16], 3),
    ]
    for field in wrong {
      for value in field.values {
        var bytes = file.bytes
        for i in 0..<field.size { bytes[field.offset + i] = UInt8(truncatingIfNeeded: value >> UInt64(8 * i)) }
        bytes.sealHeader()
        let error = SmallFile.failure(bytes)
        #expect(error?.code == .badField, "\(value) at \(field.offset)")
        #expect(error?.offset == UInt64(field.offset), "\(value) at \(field.offset)")
      }
    }
  }

  @Test func parametersThatContradictEachOtherAreRefused() {
    func code(_ change: (inout IndexParameters) -> Void) -> FormatError.Code? {
      var parameters = IndexParameters()
      parameters.dimension = 6
      parameters.vectors = .f32
      change(&parameters)
      return SmallFile.failure(SmallFile(parameters).bytes)?.code
    }
    #expect(code { _ in } == nil)
    #expect(code { $0.vectors = .none } == .badField)
    #expect(code { $0.nbits = 8 } == .badField)
    #expect(code { $0.residual = true } == .badField)
    #expect(code { $0.nlist = 2 } == .badField)  // implicit ids in lists
    #expect(code { $0.firstID = .max } == nil)
    #expect(code { $0.vectors = .u8 } == nil)
    #expect(code { ($0.vectors, $0.metric) = (.u8, .cosine) } == .badField)
    #expect(code { $0.vectorOffset = -128 } == .badField)
  }

  @Test func firstIDPlusCountMayNotWrap() {
    var parameters = IndexParameters()
    parameters.vectors = .f32
    parameters.count = 2
    parameters.firstID = .max - 2
    #expect(SmallFile.failure(SmallFile(parameters).bytes) == nil)
    parameters.firstID = .max - 1
    #expect(SmallFile.failure(SmallFile(parameters).bytes)?.offset == 80)
  }

  @Test func fileIDIsThatOfParametersAndTable() {
    var bytes = file.bytes
    bytes.sealHeader()
    #expect(bytes == file.bytes)
    bytes.set(UInt64(1), at: 48)
    bytes.set(Checksum.plain(bytes.rawSpan.slice(0, Header.crcOffset)), at: Header.crcOffset)
    #expect(SmallFile.failure(bytes)?.offset == 48)
  }

  @Test func reservedBytesAreZero() {
    for offset in [112, 113, 2000, 4090, 4091] {
      var bytes = file.bytes
      bytes[offset] = 1
      #expect(SmallFile.failure(bytes)?.code == .badChecksum)
      bytes.sealHeader()
      #expect(SmallFile.failure(bytes)?.code == .badPadding)
    }
  }

  @Test func everyDamagedByteOfTheParametersIsFound() {
    for offset in 0..<120 {
      for value in [UInt8(0x01), 0x80, 0xFF] {
        var bytes = file.bytes
        bytes[offset] ^= value
        #expect(SmallFile.failure(bytes) != nil, "byte \(offset)")
      }
    }
  }

  @Test func everyLengthHasItsMessage() {
    let full = file.bytes.count
    var bytes = file.bytes
    for length in stride(from: full - 1, through: 0, by: -1) {
      bytes.removeLast()
      let error = SmallFile.failure(bytes)
      let detail =
        length == 0
        ? "the file does not begin with the magic bytes of a .pqx file"
        : length < 4096
          ? "have \(length) bytes, a header takes 4096"
          : "have \(length) bytes, the header says \(full); copy the file again"
      guard error?.code == (length == 0 ? .notAnIndex : .truncated), error?.detail == detail else {
        Issue.record("length \(length): \(String(describing: error))")
        return
      }
    }
    #expect(SmallFile.failure(file.bytes + [0])?.code == .truncated)
    #expect(SmallFile.failure(file.bytes + file.bytes)?.code == .truncated)
  }

  @Test func strangersAreNamed() {
    #expect(SmallFile.failure([UInt8](repeating: 0, count: 20_000))?.code == .unfinished)
    #expect(SmallFile.failure([UInt8](repeating: 0, count: 100))?.code == .notAnIndex)
    #expect(SmallFile.failure([UInt8]("SQLite format 3".utf8))?.code == .notAnIndex)
    var text = file.bytes
    text.remove(at: 4)  // CR LF became LF
    #expect(SmallFile.failure(text)?.detail.contains("text-mode") == true)
    var narrow = file.bytes
    narrow[0] = 0x09
    #expect(SmallFile.failure(narrow)?.detail.contains("7-bit") == true)
  }

  @Test func impossibleFileLengthsAreRefused() throws {
    let lengths: [UInt64] = [4096, 8191, 1 << 48 + 4096, 1 << 63, .max & ~4095]
    for length in lengths {
      var bytes = Array(file.bytes[..<Header.byteCount])
      bytes.set(length, at: 40)
      bytes.sealHeader()
      let sealed = bytes
      let error = #expect(throws: FormatError.self) {
        _ = try Header(decoding: sealed.rawSpan, actualLength: length)
      }
      #expect(error?.offset == 40)
    }
  }

  @Test func footerBelongsToTheHeader() {
    let footer = Int(file.header.footerOffset)
    func error(_ offset: Int, seal: Bool = true) -> FormatError? {
      var bytes = file.bytes
      bytes[footer + offset] ^= 1
      if seal { bytes.sealFooter() }
      return SmallFile.failure(bytes)
    }
    #expect(error(9, seal: false)?.code == .badChecksum)
    #expect(error(0)?.code == .badField)
    #expect(error(8)?.code == .badField)
    #expect(error(16)?.code == .badField)
    #expect(error(24)?.code == .badPadding)
    #expect(error(4091)?.code == .badPadding)
  }
}
