import Foundation
import PQBuild
import PQFormat
import PQTestSupport
import Testing

/// Files of a work folder that are not as an interrupted build has left them.
@Suite struct WorkDamageTests {
  /// A wrong bit anywhere in the spill is an error, or of a vector that has been merged before: never a lost or a wrong one.
  @Test(arguments: [false, true]) func damagedSpill(ids: Bool) throws {
    let folder = try TemporaryFolder()
    _ = try ResumeTests.build(.ivfpq, in: folder, name: "whole.pqx", ids: ids).run()
    let expected = try folder.read("whole.pqx")
    let begun = try ResumeTests.build(.ivfpq, in: folder, name: "a.pqx", ids: ids)
    ResumeTests.interrupt(begun) { if case .merging(3, _, _) = $0 { true } else { false } }
    let (work, saved) = (folder.path("a.pqx.work"), folder.path("saved"))
    try FileManager.default.copyItem(atPath: work, toPath: saved)
    let spill = try folder.read("saved/spill")
    let recordBytes = spill.count / 900
    var refused = 0
    // The last record is of the last list: each of its bytes; and some of all others.
    let places = Array(spill.count - recordBytes..<spill.count) + stride(from: 5, to: spill.count, by: 4001)
    for place in places {
      try? FileManager.default.removeItem(atPath: work)
      try? FileManager.default.removeItem(atPath: folder.path("a.pqx"))
      try FileManager.default.copyItem(atPath: saved, toPath: work)
      var bytes = spill
      bytes[place] ^= 0x10
      try folder.write(bytes, to: "a.pqx.work/spill")
      var resumed = try ResumeTests.build(.ivfpq, in: folder, name: "a.pqx", ids: ids)
      resumed.resuming = true
      do throws(BuildError) {
        _ = try resumed.run()
        #expect(place < spill.count - recordBytes, "byte \(place)")
        let same = try? folder.read("a.pqx") == expected
        #expect(same == true, "byte \(place)")
      } catch {
        refused += 1
        #expect(error.kind == .badData && error.description.contains("is not as it was written"), "\(error)")
        #expect(!FileManager.default.fileExists(atPath: folder.path("a.pqx")))
      }
    }
    #expect(refused > recordBytes + 5 && refused < places.count)
  }
}
