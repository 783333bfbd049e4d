import PQFormat
import Testing

@Suite struct DirectoryTests {
  static let parameters: IndexParameters = {
    var parameters = SmallFile.parameters
    parameters.count = 10_000
    return parameters
  }()

  @Test func entriesRoundTrip() {
    var bytes: [UInt8] = []
    let lists = [ListEntry(count: 0, firstFrame: 0), ListEntry(count: .max, firstFrame: 1 << 40)]
    let frames = [
      FrameEntry(offset: 1 << 48 - 1, planes: 8, length: .max, crc: 0xDEAD_BEEF, firstID: .max),
      FrameEntry(offset: 64, length: 1, crc: 2),
    ]
    for list in lists { list.encode(to: &bytes) }
    for frame in frames { frame.encode(to: &bytes) }
    #expect(bytes.count == 80)
    let readLists = (0..<2).map { ListEntry(decoding: bytes.rawSpan, list: $0) }
    let readFrames = (0..<2).map { FrameEntry(decoding: bytes.rawSpan.slice(32, 48), frame: $0) }
    #expect(readLists == lists)
    #expect(readFrames == frames)
  }

  @Test func pagesCoverTheirSection() {
    #expect([0, 1, 4096, 4097, 8192].map(ChecksumPage.count) == [0, 1, 1, 2, 2])
    let bytes = [UInt8](repeating: 7, count: 4096 + 24)
    let checksums = ChecksumPage.checksums(bytes.rawSpan, kind: .frames)
    let last = Checksum.salted(bytes.rawSpan.slice(4096, 24), kind: .frames, index: 1, list: 0)
    #expect(checksums.count == 2 && checksums[1] == last)
  }

  @Test func listEntriesAreCheckedBeforeUse() {
    func code(_ count: UInt64, _ firstFrame: UInt64) -> FormatError.Code? {
      do {
        try ListEntry(count: count, firstFrame: firstFrame)
          .check(list: 1, parameters: Self.parameters, frameCount: 40, at: 0)
        return nil
      } catch {
        return error.code
      }
    }
    // 10,000 vectors take 3 code frames, 10 id frames and 15 vector frames of 682 rows.
    #expect(ListEntry(count: 10_000, firstFrame: 0).frameTotal(Self.parameters) == 28)
    #expect(code(10_000, 12) == nil)
    #expect(code(10_000, 13) == .badList)
    #expect(code(10_001, 0) == .badList)
    #expect(code(.max, 0) == .badList)
    #expect(code(0, 40) == nil)
    #expect(code(0, 41) == .badList)
    #expect(code(1, .max) == .badList)
  }

  @Test func frameEntriesAreCheckedBeforeUse() {
    let section = Section(kind: .codes, offset: 8192, length: 4096, crc: 0)
    func code(_ kind: SectionKind, _ vectors: Int, _ frame: FrameEntry) -> FormatError.Code? {
      do {
        _ = try frame.check(kind, vectors: vectors, in: section, parameters: Self.parameters, place: "frame", at: 0)
        return nil
      } catch {
        return error.code
      }
    }
    // Two 4-bit codes fill one plane: 100 vectors take 112 bytes, 98 of them at most when compressed.
    for (length, good) in [(112, true), (98, true), (1, true), (0, false), (99, false), (111, false), (113, false)] {
      let frame = FrameEntry(offset: 8192, length: UInt32(length), crc: 0)
      #expect(code(.codes, 100, frame) == (good ? nil : .badFrame), "\(length)")
    }
    for (offset, good) in [
      (8192, true), (12_160, true), (8193, false), (8128, false), (12_224, false), (12_288, false),
    ] {
      let frame = FrameEntry(offset: UInt64(offset), length: 112, crc: 0)
      #expect(code(.codes, 100, frame) == (good ? nil : .badFrame), "\(offset)")
    }
    #expect(code(.codes, 100, FrameEntry(offset: 1 << 48 - 64, length: 112, crc: 0)) == .badFrame)
    #expect(code(.codes, 100, FrameEntry(offset: 8192, planes: 1, length: 112, crc: 0)) == .badFrame)
    #expect(code(.codes, 100, FrameEntry(offset: 8192, length: 112, crc: 0, firstID: 1)) == .badFrame)
    #expect(code(.ids, 100, FrameEntry(offset: 8193, planes: 8, length: 800, crc: 0, firstID: 1)) == nil)
    #expect(code(.ids, 100, FrameEntry(offset: 8193, planes: 9, length: 900, crc: 0, firstID: 1)) == .badFrame)
    #expect(code(.ids, 1, FrameEntry(offset: 12_288, length: 0, crc: 0, firstID: .max)) == nil)
    #expect(code(.vectors, 100, FrameEntry(offset: 8192, length: 2400, crc: 0)) == nil)
  }

  @Test func compressionSavesAnEighth() {
    #expect([0, 1, 7, 8, 9, 16, 17, 1 << 20].map(FrameEntry.longestCompressed) == [0, 0, 6, 7, 7, 14, 14, 917_504])
  }

  @Test func framesAreCountedForAnyCount() {
    #expect(Self.parameters.frames(of: .ids, listCount: .max) == 1 << 54)
    #expect(Self.parameters.frames(of: .codes, listCount: 4096) == 1)
    #expect(Self.parameters.frames(of: .codes, listCount: 4097) == 2)
    #expect(Self.parameters.frames(of: .lists, listCount: 5) == 0)
  }
}
