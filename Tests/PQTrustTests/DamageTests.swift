import Formats
import Foundation
import PQDamage
import PQFormat
import PQSearch
import PQTestSupport
import Testing

/// Damage of every kind is refused, or does not matter. `trust bytes` is the long form.
@Suite struct DamageTests {
  /// A bit of every 61st byte.
  @Test(arguments: GoldenFile.kinds) func flippedBits(_ name: String) throws {
    let golden = try GoldenFile(name, queryCount: 1)
    var damage = ByteDamage()
    for bit in 0..<8 {
      try damage.run(
        golden, offsets: stride(from: 61 * bit, to: golden.bytes.count, by: 8 * 61), masks: [UInt8(1) << bit])
    }
    #expect(damage.silent == [] && damage.missed == [])
    #expect(damage.refused > 0 && damage.harmless > 0)
    // A search that touches everything uses all of these, so that damage of any is an error.
    let file = SealedFile(golden.bytes)
    let header = try #require(file.structure).header
    var used = Set(0..<Header.byteCount).union(golden.bytes.count - Footer.byteCount..<golden.bytes.count)
    used.formUnion(Int(header.sectionTableOffset)..<Int(header.sectionTableOffset) + 32 * header.sectionCount)
    for kind in SectionKind.allCases where ![.metadata, .codes, .vectors].contains(kind) {
      used.formUnion(file.range(kind))
    }
    #expect(damage.harmlessOffsets.isDisjoint(with: used))
  }

  /// Lengths that are not the whole are refused, by opening alone: all up to the end of the header, and every 61st.
  @Test(arguments: GoldenFile.kinds) func everyLength(_ name: String) throws {
    let golden = try GoldenFile(name)
    let lengths = golden.wrongLengths.filter { $0 <= Header.byteCount || $0 % 61 == 0 || $0 >= golden.bytes.count - 1 }
    #expect(try golden.openedLengths(lengths) == [])
  }

  /// A frame, or its entry, in another's place is found by its salted checksum.
  @Test(arguments: GoldenFile.kinds) func swappedFrames(_ name: String) throws {
    let golden = try GoldenFile(name)
    let probe = try Probe(golden.bytes)
    let sound = SealedFile(golden.bytes)
    let frames = sound.frames()
    var swaps = 0
    for (i, a) in frames.enumerated() {
      for b in frames[(i + 1)...] {
        // The stored bytes of one for those of the other.
        var file = sound
        let count = Int(a.entry.length)
        if a.entry.length == b.entry.length, count > 0 {
          for byte in 0..<count { file.bytes.swapAt(Int(a.entry.offset) + byte, Int(b.entry.offset) + byte) }
          try expectRefused(file.bytes, golden, probe, same: file.bytes == sound.bytes)
          swaps += 1
        }
        // The entries, under right checksums of the directory.
        file = sound
        for byte in 0..<FrameEntry.byteCount { file.bytes.swapAt(a.entryOffset + byte, b.entryOffset + byte) }
        file.sealDirectory()
        try expectRefused(file.bytes, golden, probe, same: file.bytes == sound.bytes)
        swaps += 1
      }
    }
    #expect(swaps > 0 || frames.count < 2)
  }

  private func expectRefused(_ bytes: [UInt8], _ golden: GoldenFile, _ probe: borrowing Probe, same: Bool) throws {
    guard !same else { return }
    probe.write(bytes)
    guard case .refused(let error) = try probe.searchAll(golden.queries) else {
      Issue.record("\(golden.name): a swap was not found")
      return
    }
    #expect([.badChecksum, .badFrame].contains(error.code), "\(error)")
  }

  /// Mutants under a limit of what they may make a reader allocate; `trust mutants` is the long form.
  @Test(.disabled(if: isSanitized)) func mutants() throws {
    let run = try runTool("trust", ["mutants", "--count", "4000", "--seed", "7"], timeout: 300)
    #expect(run.exitCode == 0, "\(run.text) \(run.errors)")
    let wasteful = try runTool("trust", ["mutants", "--count", "1", "--waste", "20"])
    #expect(wasteful.exitCode != 0, "the limit of allocation does not hold")
  }

  /// The tables of a search are bounded by the file too, where they are padded most, would be too large, or are of wide codes.
  @Test(.disabled(if: isSanitized), arguments: [(5, 8000, 0), (5, 8000, 2), (5, 32_800, 0), (13, 160, 0)])
  func allocation(nbits: Int, m: Int, nlist: Int) throws {
    let folder = try TemporaryFolder()
    try WideIndex.write(to: folder.path("wide.pqx"), nbits: nbits, m: m, nlist: nlist)
    let run = try runTool("trust", ["allocation", folder.path("wide.pqx")])
    #expect(run.exitCode == 0, "\(run.text) \(run.errors)")
  }
}
