import Formats
import Foundation
import PQDamage
import PQFormat
import PQSearch
import PQTestSupport
import Testing

/// Files whose checksums are all right and that break another rule of Formats/pqx-v1.md: `verify` names the rule.
@Suite struct SealedDamageTests {
  /// A golden file with a change, sealed; `deep` is true when only decoded frames show what is wrong.
  struct Damage: CustomTestStringConvertible, Sendable {
    let name: String
    let file: String
    let deep: Bool
    let code: FormatError.Code
    let place: String
    let change: @Sendable (inout SealedFile) throws -> Void
    var testDescription: String { name }
  }

  private static let all: [Damage] = [
    Damage(
      name: "padding after sections", file: "flat-u8.pqx", deep: false, code: .badPadding,
      place: "before the section table"
    ) {
      // The metadata is before it, and shorter than a whole number of pages.
      let table = Int($0.bytes.rawSpan.u64(at: 56))
      $0.bytes[table - 1] = 1
    },
    Damage(name: "padding between frames", file: "ivfpq-4.pqx", deep: false, code: .badPadding, place: "before list 1")
    {
      let frame = try #require($0.frame(.codes, list: 0))
      $0.bytes[Int(frame.entry.offset) + Int(frame.entry.length)] = 1
    },
    Damage(name: "lane of centroids", file: "ivfpq-4.pqx", deep: false, code: .badPadding, place: "section centroids") {
      $0.bytes[$0.range(.centroids).lowerBound + 4 * 15 + 1] = 1
    },
    Damage(name: "axis", file: "ivfpq-rotated.pqx", deep: false, code: .badSection, place: "section rotation") {
      $0.set(Float(2).bitPattern, at: $0.range(.rotation).lowerBound)
    },
    Damage(name: "infinite axis", file: "ivfpq-rotated.pqx", deep: false, code: .badSection, place: "section rotation")
    {
      $0.set(Float.infinity.bitPattern, at: $0.range(.rotation).lowerBound)
    },
    Damage(name: "lane of axes", file: "ivfpq-rotated.pqx", deep: false, code: .badPadding, place: "section rotation") {
      $0.bytes[$0.range(.rotation).upperBound - 1] = 1
    },
    Damage(name: "groups", file: "ivfpq-groups.pqx", deep: false, code: .badSection, place: "section groups") {
      $0.set(UInt32(0), at: $0.range(.groups).lowerBound + 12)
    },
    Damage(name: "lane of groups", file: "ivfpq-groups.pqx", deep: false, code: .badPadding, place: "section groups") {
      $0.bytes[$0.range(.groups).upperBound - 1] = 1
    },
    Damage(name: "infinite codeword", file: "pq-8.pqx", deep: false, code: .badSection, place: "section codebooks") {
      $0.set(Float.infinity.bitPattern, at: $0.range(.codebooks).lowerBound)
    },
    Damage(name: "metadata", file: "pq-8.pqx", deep: false, code: .badSection, place: "section metadata") {
      $0.bytes[$0.range(.metadata).lowerBound] = 0xFF
    },
    Damage(name: "frame out of place", file: "ivfflat-ip.pqx", deep: false, code: .badFrame, place: "list") {
      let frame = try #require($0.frame(.vectors, list: 1))
      $0.set(UInt32(frame.entry.offset) + 64, at: frame.entryOffset)
    },
    Damage(name: "count", file: "pq-8.pqx", deep: false, code: .badList, place: "section lists") {
      // Still one code frame; the length of its tiles does not change either.
      $0.set(UInt64(99), at: $0.range(.lists).lowerBound)
    },
    Damage(name: "lane of codes", file: "pq-8.pqx", deep: true, code: .badPadding, place: "list 0, codes frame 0") {
      $0.bytes[$0.range(.codes).upperBound - 1] = 1
    },
    Damage(name: "half plane", file: "ivfpq-4.pqx", deep: true, code: .badPadding, place: "list 0, codes frame 0") {
      let frame = try #require($0.frame(.codes, list: 0))
      $0.bytes[Int(frame.entry.offset) + Int(frame.entry.length) / 3] |= 0x10
    },
    Damage(name: "lane of brackets", file: "ivfpq-4.pqx", deep: true, code: .badPadding, place: "list 0, codes frame 0")
    {
      let entry = try #require($0.frame(.codes, list: 0)).entry
      $0.bytes[Int(entry.offset) + Int(entry.length) - 1] = 1
    },
    Damage(name: "bracket", file: "ivfpq-l2-8.pqx", deep: true, code: .badFrame, place: "list 0, codes frame 0") {
      // The first tile's last plane, and in it the vector of the smallest bracket.
      let plane = $0.brackets(list: 0)
      let bytes = $0.bytes
      let least = try #require(plane.min { bytes[$0] < bytes[$1] })
      $0.bytes[least] = 255
    },
    Damage(
      name: "bracket by one unit", file: "ivfpq-l2-8.pqx", deep: true, code: .badFrame, place: "list 1, codes frame 0"
    ) {
      for place in $0.brackets(list: 1) where $0.bytes[place] < 255 { $0.bytes[place] += 1 }
    },
    Damage(
      name: "bracket less a unit", file: "ivfpq-l2-8.pqx", deep: true, code: .badFrame, place: "list 1, codes frame 0"
    ) {
      for place in $0.brackets(list: 1) where $0.bytes[place] > 0 { $0.bytes[place] -= 1 }
    },
    Damage(
      name: "brackets' minimum", file: "ivfpq-l2-8.pqx", deep: true, code: .badFrame, place: "list 0, codes frame 0"
    ) {
      // The minimum is the largest f32 that is right.
      let frame = try #require($0.frame(.codes, list: 0))
      $0.set(frame.entry.bracketMinimum.nextUp.bitPattern, at: frame.entryOffset + 16)
    },
    Damage(
      name: "brackets' step", file: "ivfpq-l2-8.pqx", deep: false, code: .badFrame, place: "list 0, codes frame 0"
    ) {
      $0.set(Float(-1).bitPattern, at: try #require($0.frame(.codes, list: 0)).entryOffset + 20)
    },
    Damage(
      name: "infinite minimum", file: "ivfpq-l2-8.pqx", deep: false, code: .badFrame, place: "list 0, codes frame 0"
    ) {
      $0.set((-Float.infinity).bitPattern, at: try #require($0.frame(.codes, list: 0)).entryOffset + 16)
    },
    Damage(name: "centre", file: "ivfpq-l2-8.pqx", deep: true, code: .badFrame, place: "list 0, codes frame 0") {
      $0.set(Float(1000).bitPattern, at: $0.range(.centre).lowerBound)
    },
    Damage(name: "infinite centre", file: "ivfpq-4.pqx", deep: false, code: .badSection, place: "section centre") {
      $0.set(Float.infinity.bitPattern, at: $0.range(.centre).lowerBound + 4)
    },
    Damage(name: "infinite row", file: "ivfflat-ip.pqx", deep: true, code: .badFrame, place: "list 0, vectors frame 0")
    {
      $0.set(Float.infinity.bitPattern, at: $0.range(.vectors).lowerBound + 8)
    },
    Damage(name: "id twice", file: "ivfpq-4.pqx", deep: true, code: .badFrame, place: "list 1, ids frame 0") {
      let first = try #require($0.frame(.ids, list: 0)).entry.firstID
      $0.set(first, at: try #require($0.frame(.ids, list: 1)).entryOffset + 16)
    },
    Damage(name: "first difference", file: "ivfpq-4.pqx", deep: true, code: .badFrame, place: "list 0, ids frame 0") {
      $0.bytes[Int(try #require($0.frame(.ids, list: 0)).entry.offset)] = 1
    },
    Damage(name: "equal ids", file: "ivfpq-4.pqx", deep: true, code: .badFrame, place: "list 0, ids frame 0") {
      let entry = try #require($0.frame(.ids, list: 0)).entry
      #expect(entry.planes == 1)
      $0.bytes[Int(entry.offset) + 1] = 0
    },
    Damage(name: "ids overflow", file: "ivfpq-4.pqx", deep: true, code: .badFrame, place: "list 0, ids frame 0") {
      $0.set(UInt64.max, at: try #require($0.frame(.ids, list: 0)).entryOffset + 16)
    },
    Damage(name: "frames out of order", file: "pq-ids.pqx", deep: true, code: .badFrame, place: "list 0, ids frame 1") {
      $0.set(UInt64(0), at: try #require($0.frame(.ids, list: 0, 1)).entryOffset + 16)
    },
    Damage(name: "LZ4 block", file: "ivfpq-lz4.pqx", deep: true, code: .badFrame, place: "list 0, vectors frame 0") {
      let entry = try #require($0.frame(.vectors, list: 0)).entry
      for i in 0..<4 { $0.bytes[Int(entry.offset) + i] = 0xFF }
    },
  ]

  private func verify(_ bytes: [UInt8], deep: Bool) throws -> [FormatError] {
    let folder = try TemporaryFolder()
    return try Index(path: try folder.write(bytes, to: "a.pqx")).verify(deep: deep)
  }

  @Test(arguments: all) func isNamed(_ damage: Damage) throws {
    let golden = try Data(contentsOf: URL(fileURLWithPath: GoldenFiles.folder + "/" + damage.file))
    var file = SealedFile(Array(golden))
    try damage.change(&file)
    file.seal()
    let shallow = try verify(file.bytes, deep: false)
    let problems = damage.deep ? try verify(file.bytes, deep: true) : shallow
    #expect(shallow.isEmpty == damage.deep, "\(shallow)")
    let found = problems.contains { $0.code == damage.code && $0.place.hasPrefix(damage.place) }
    #expect(found, "\(problems)")
  }

  /// The least f32 as minimum bounds nothing, whatever the brackets are: the file is sound and finds the same.
  @Test func bracketsWithoutABound() throws {
    let golden = Array(try Data(contentsOf: URL(fileURLWithPath: GoldenFiles.folder + "/ivfpq-l2-8.pqx")))
    var file = SealedFile(golden)
    for list in 0..<4 {
      for place in file.brackets(list: list) { file.bytes[place] = 255 }
      let entry = try #require(file.frame(.codes, list: list)).entryOffset
      file.set((-Float.greatestFiniteMagnitude).bitPattern, at: entry + 16)
      file.set(Float(1e30).bitPattern, at: entry + 20)
    }
    file.seal()
    #expect(try verify(file.bytes, deep: true) == [])
    let folder = try TemporaryFolder()
    let index = try Index(path: try folder.write(file.bytes, to: "a.pqx"))
    let sound = try Index(path: try folder.write(golden, to: "b.pqx"))
    let query = (0..<8).map { Float($0) / 8 }
    for options in [SearchOptions(k: 10, nprobe: 5), SearchOptions(k: 200, nprobe: 5), SearchOptions(k: 3, nprobe: 2)] {
      let (found, expected) = (try index.search(query, options).neighbors, try sound.search(query, options).neighbors)
      #expect(found == expected)
    }
  }

  /// What is wrong elsewhere leaves brackets and pages of centroids to be checked.
  @Test func damageApart() throws {
    let golden = Array(try Data(contentsOf: URL(fileURLWithPath: GoldenFiles.folder + "/ivfpq-l2-8.pqx")))
    var file = SealedFile(golden)
    let plane = file.brackets(list: 0)
    let bytes = file.bytes
    file.bytes[try #require(plane.min { bytes[$0] < bytes[$1] })] = 255
    file.seal()
    // No checksum holds what is between sections.
    let padding = file.range(.centroids).upperBound
    try #require(file.bytes[padding] == 0)
    file.bytes[padding] = 1
    #expect(try verify(file.bytes, deep: true).map(\.code) == [.badPadding, .badFrame])
  }

  @Test(arguments: GoldenFiles.valid) func sealingChangesNothing(_ name: String) throws {
    let golden = Array(try Data(contentsOf: URL(fileURLWithPath: GoldenFiles.folder + "/" + name)))
    var file = SealedFile(golden)
    file.seal()
    let same = file.bytes == golden
    #expect(same)
  }

  /// Damage in one place is one problem: what comes after it is checked on its own terms.
  @Test func oneDamagedFrameIsOneProblem() throws {
    let golden = try Data(contentsOf: URL(fileURLWithPath: GoldenFiles.folder + "/pq-ids.pqx"))
    var file = SealedFile(Array(golden))
    for frame in file.frames() where frame.entry.length > 0 {
      file.bytes[Int(frame.entry.offset)] ^= 1
      let problems = try verify(file.bytes, deep: true)
      #expect(problems.map(\.code) == [.badChecksum], "\(problems)")
      file.bytes[Int(frame.entry.offset)] ^= 1
    }
  }
}
