import PQDamage
import PQFormat
import PQSearch
import Testing

/// What a reader makes of files that a later version wrote: a file of format 1.0, changed.
@Suite struct CompatibilityTests {
  private static let name = "1.0/ivfpq-4.pqx"

  /// Opens and searches the golden file after a change and sealing.
  private func outcome(_ change: (inout SealedFile) -> Void) throws -> (found: Outcome, sound: Outcome) {
    let golden = try GoldenFile(Self.name)
    var probe = try Probe(golden.bytes)
    let sound = try probe.searchAll(golden.queries)
    var file = SealedFile(golden.bytes)
    change(&file)
    file.sealHeader()
    probe.replace(file.bytes)
    return (try probe.searchAll(golden.queries), sound)
  }

  /// Each of the 64 bits of each feature word: only incompatible ones are refused, by name.
  @Test(arguments: 0..<64) func featureBit(_ bit: Int) throws {
    for offset in [16, 24] {
      let (found, sound) = try outcome { $0.set(UInt64(1) << bit, at: offset) }
      #expect(found == sound, "bit \(bit) of the word at \(offset)")
    }
    // Brackets are known: the golden file has them.
    if bit == 1 { return }
    guard case .refused(let error) = try outcome({ $0.set(UInt64(1) << bit, at: 32) }).found else {
      Issue.record("the incompatible bit \(bit) was ignored")
      return
    }
    // A rotation is known too: the section that the bit calls for is missing.
    #expect(error.code == (bit == 0 ? .badSection : .unsupportedFeature))
    #expect(error.detail.contains(bit == 0 ? "rotation is missing" : "bit \(bit) "), "\(error)")
  }

  @Test(arguments: [UInt16(1), 2, 3, 255, .max]) func newerMinor(_ minor: UInt16) throws {
    let (found, sound) = try outcome { $0.set(minor, at: 10) }
    #expect(found == sound)
  }

  @Test(arguments: [UInt16(0), 2, 255, .max]) func otherMajor(_ major: UInt16) throws {
    guard case .refused(let error) = try outcome({ $0.set(major, at: 8) }).found else {
      Issue.record("major version \(major) was read")
      return
    }
    #expect(error.code == .unsupportedVersion && error.detail.contains("\(major)."))
  }

  /// A section of an unknown kind is skipped if it says so, else refused by its number.
  @Test(arguments: [true, false]) func unknownSection(_ isOptional: Bool) throws {
    // The metadata becomes a section of kind 1000.
    let (found, sound) = try outcome { file in
      guard let (header, table) = file.structure else { return }
      let entry = Int(header.sectionTableOffset) + Section.byteCount * (table.sections.count - 1)
      file.set(UInt32(1000), at: entry)
      file.set(UInt32(isOptional ? 1 : 0), at: entry + 4)
    }
    if isOptional {
      #expect(found == sound)
    } else {
      guard case .refused(let error) = found else {
        Issue.record("a required section of an unknown kind was skipped")
        return
      }
      #expect(error.code == .unsupportedFeature && error.place.contains("1000"), "\(error)")
    }
  }
}
