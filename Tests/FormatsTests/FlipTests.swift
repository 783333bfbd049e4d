import Formats
import Foundation
import PQFormat
import PQSearch
import PQTestSupport
import Testing

/// Damage of one byte is found, or does not matter.
@Suite struct FlipTests {
  /// Every byte of header fields, footer fields, section table and directory, and every 29th of all bytes. A search
  /// that touches every list and row gives an error or the undamaged results.
  @Test func oneByte() throws {
    let sound = try GoldenTests.golden("ivfpq-l2-8.pqx")
    let queries = Array(try CrossReaderTests.floats(GoldenFiles.queries(dimension: 8)).prefix(8))
    let folder = try TemporaryFolder()
    let path = try folder.write(sound, to: "flipped.pqx")
    let file = try #require(FileHandle(forUpdatingAtPath: path))
    func search() throws(IndexError) -> [Neighbor] {
      let index = try Index(path: path)
      return try index.search(queries, SearchOptions(k: 200, nprobe: index.parameters.nlist, rerank: 200)).neighbors
    }
    let expected = try search()
    #expect(expected.count == 200)
    var offsets = Set(stride(from: 0, to: sound.count, by: 29))
    offsets.formUnion(0..<112)
    offsets.formUnion(Header.byteCount - 4..<Header.byteCount)
    offsets.formUnion(sound.count - Footer.byteCount..<sound.count - Footer.byteCount + 24)
    offsets.formUnion(sound.count - 4..<sound.count)
    offsets.formUnion(GoldenDamage.sectionTable(sound))
    // These bytes are all used, so that damage of any gives an error.
    var used = Set(0..<Header.byteCount).union(sound.count - Footer.byteCount..<sound.count)
    used.formUnion(GoldenDamage.sectionTable(sound))
    for kind in [SectionKind.lists, .frames, .pages] { offsets.formUnion(GoldenDamage.section(kind, sound)) }
    for kind in SectionKind.allCases where ![.metadata, .codes, .vectors].contains(kind) {
      used.formUnion(GoldenDamage.section(kind, sound))
    }
    for offset in offsets.sorted() {
      try file.seek(toOffset: UInt64(offset))
      try file.write(contentsOf: [sound[offset] ^ 0x40])
      do throws(IndexError) {
        let found = try search()
        #expect(found == expected, "byte \(offset)")
        #expect(!used.contains(offset), "byte \(offset) was not checked")
      } catch {
        guard case .format = error else {
          Issue.record("byte \(offset): \(error)")
          continue
        }
      }
      try file.seek(toOffset: UInt64(offset))
      try file.write(contentsOf: [sound[offset]])
    }
  }
}
