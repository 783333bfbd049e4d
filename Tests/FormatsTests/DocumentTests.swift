import Foundation
import PQFormat
import PQTestSupport
import Testing

/// The dump in Formats/pqx-v1.md shows what is in the file.
@Suite struct DocumentTests {
  @Test func dump() throws {
    let document = try String(contentsOfFile: CrossReaderTests.formats + "/pqx-v1.md", encoding: .utf8)
    let section = try #require(document.components(separatedBy: "## Annotated file\n").last)
    let file = try GoldenTests.golden("ivfpq-4.pqx")
    var shown = Set<Int>()
    for line in section.prefix(while: { $0 != "#" }).split(separator: "\n") {
      // "    00000000  89 50 …  meaning"
      guard let match = line.firstMatch(of: /^ {4}([0-9a-f]{8})  ([0-9a-f]{2}(?: [0-9a-f]{2})*)(?:  .*)?$/) else {
        #expect(!line.hasPrefix("    "), "no line of a dump: \(line)")
        continue
      }
      let offset = try #require(Int(match.1, radix: 16))
      let bytes = match.2.split(separator: " ").compactMap { UInt8($0, radix: 16) }
      try #require(offset + bytes.count <= file.count)
      #expect(Array(file[offset..<offset + bytes.count]) == bytes, "\(line)")
      shown.formUnion(offset..<offset + bytes.count)
    }
    #expect(shown.isSuperset(of: 0..<112) && shown.isSuperset(of: 4092..<4096))
    #expect((112..<4092).allSatisfy { file[$0] == 0 })
    #expect(shown.isSuperset(of: GoldenDamage.sectionTable(file)))
    #expect(shown.isSuperset(of: GoldenDamage.section(.lists, file).prefix(32)))
    #expect(shown.isSuperset(of: GoldenDamage.section(.frames, file).prefix(72)))
  }
}
