import PQFormat
import Testing

@Suite struct SectionTableTests {
  let file = SmallFile()
  /// With every section.
  static let full: SmallFile = {
    var parameters = SmallFile.parameters
    parameters.hasBracket = true
    parameters.isRotated = true
    return SmallFile(parameters)
  }()

  /// What decoding the table throws after `change`; the header follows the number of sections.
  func failure(_ change: (inout [Section]) -> Void) -> FormatError? { failure(file, change) }

  func failure(_ file: SmallFile, _ change: (inout [Section]) -> Void) -> FormatError? {
    var table = file.table
    change(&table.sections)
    var header = file.header
    header.sectionCount = table.sections.count
    return failure(table.encoded(), header)
  }

  func failure(_ bytes: [UInt8], _ header: Header) -> FormatError? {
    do {
      _ = try SectionTable(decoding: bytes.rawSpan, header: header)
      return nil
    } catch {
      return error
    }
  }

  /// The last section: metadata.
  let last = 10

  func index(_ kind: SectionKind) -> Int { index(kind, file) }

  func index(_ kind: SectionKind, _ file: SmallFile) -> Int {
    file.table.sections.firstIndex { $0.kind == kind } ?? -1
  }

  @Test func goodTableIsRead() {
    #expect(failure { _ in } == nil)
  }

  @Test func placesAreChecked() {
    let cases: [(String, (inout [Section]) -> Void)] = [
      ("overlap", { $0[1].offset = $0[0].offset }),
      ("unordered", { $0.swapAt(0, 1) }),
      ("unaligned", { $0[last].offset += 1 }),
      ("in the header", { $0[0].offset = 0 }),
      ("past the table", { $0[last].offset = self.file.header.sectionTableOffset + 4096 }),
      ("too long", { $0[last].length = self.file.header.sectionTableOffset - $0[last].offset + 1 }),
      ("wrapping length", { $0[last].length = .max }),
      ("wrapping offset", { $0[last].offset = .max & ~4095 }),
      ("unknown flag", { $0[0].flags = 2 }),
      ("required kind marked optional", { $0[0].flags = 1 }),
      ("metadata marked required", { $0[last].flags = 0 }),
      ("groups marked required", { $0[self.index(.groups)].flags = 0 }),
      ("checksum of frames", { $0[2].crc = 1 }),
    ]
    for (name, change) in cases { #expect(failure(change)?.code == .badSection, "\(name)") }
  }

  @Test func reservedFieldIsZero() {
    var bytes = file.table.encoded()
    bytes[31] = 1
    #expect(failure(bytes, file.header)?.code == .badSection)
  }

  @Test func everyKindOccursOnce() {
    for kind in SectionKind.allCases {
      let place = index(kind, Self.full)
      let error = failure(Self.full) { sections in
        var again = sections[place]
        again.offset = sections[sections.count - 1].offset + 4096
        again.length = 0
        sections.append(again)
      }
      #expect(error?.code == .badSection, "\(kind)")
    }
  }

  @Test func onlyOptionalOnesMayBeMissing() {
    for kind in SectionKind.allCases {
      let error = failure(Self.full) { $0.remove(at: self.index(kind, Self.full)) }
      if [.metadata, .groups, .centroidPages].contains(kind) {
        #expect(error == nil)
      } else {
        #expect(error?.code == .badSection && error?.detail.contains("\(kind.name) is missing") == true)
      }
    }
  }

  @Test func lengthsFollowFromTheParameters() {
    for kind in [SectionKind.rotation, .centroids, .codebooks, .centre, .lists, .pages, .centroidPages] {
      let place = index(kind, Self.full)
      #expect(failure(Self.full) { $0[place].length -= 4 }?.detail.contains("length expected") == true)
      #expect(failure(Self.full) { $0[place].length += 4 }?.detail.contains("length expected") == true)
    }
    func frames(length: UInt64) -> FormatError? {
      failure { sections in
        sections.removeLast()  // metadata makes room
        sections[self.index(.pages)].offset += 4096
        sections[self.index(.frames)].length = length
      }
    }
    #expect(frames(length: 0) == nil)
    #expect(frames(length: 23)?.detail.contains("no multiple of 24") == true)
    #expect(frames(length: 24)?.place == "section pages")
  }

  @Test func uncalledForSectionsAreRefused() {
    let flat = SmallFile(
      {
        var parameters = IndexParameters()
        parameters.vectors = .f32
        return parameters
      }())
    for kind in [SectionKind.rotation, .centroids, .codebooks, .codes, .ids, .groups, .centre, .centroidPages] {
      var table = flat.table
      table.sections.insert(Section(kind: kind, offset: table.sections[0].offset, length: 0, crc: 0), at: 0)
      var header = flat.header
      header.sectionCount += 1
      let error = failure(table.encoded(), header)
      #expect(error?.code == .badSection && error?.detail.contains("no such section") == true, "\(kind)")
    }
  }

  @Test func unknownSectionsAreSkippedWhenOptionalOnly() throws {
    for rawKind in [UInt32(0), 14, 77, .max] {
      for optional in [true, false] {
        var unknown = Section(kind: .metadata, offset: file.table.sections[last].offset + 4096, length: 0, crc: 7)
        unknown.rawKind = rawKind
        unknown.flags = optional ? Section.optionalFlag : 0
        let error = failure { sections in
          unknown.offset = sections[last].offset + 4096
          sections += [unknown, unknown]
        }
        #expect(error?.code == (optional ? nil : .unsupportedFeature))
        #expect(optional || error?.place.contains("kind \(rawKind)") == true)
      }
    }
  }

  @Test func tablesOfAnySizeAreBounded() {
    var bytes = file.bytes
    bytes.set(UInt32(65), at: 64)
    bytes.sealHeader()
    #expect(SmallFile.failure(bytes)?.offset == 64)
  }
}
