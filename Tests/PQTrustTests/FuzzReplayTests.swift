import Foundation
import PQDamage
import PQFormat
import Testing

/// What fuzzing begins with and what it has ever found, fed to each target again. `Tests/fuzz.sh` is the long form.
@Suite struct FuzzReplayTests {
  private static let findings = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
    "findings")

  private func findings(_ target: FuzzTarget) -> [[UInt8]] {
    let folder = Self.findings.appendingPathComponent(target.rawValue)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.sorted().compactMap { try? Array(Data(contentsOf: folder.appendingPathComponent($0))) }
  }

  /// Each returns: a trap would end the tests. Seeds are fed whole, cut and with a wrong byte here and there.
  @Test(arguments: FuzzTarget.allCases) func replay(_ target: FuzzTarget) throws {
    let surroundings = try FuzzTarget.Surroundings(target)
    for finding in findings(target) { target.run(finding.rawSpan, surroundings) }
    let seeds = try target.seeds()
    #expect(!seeds.isEmpty)
    for seed in seeds {
      for i in 0..<16 {
        var bytes = seed
        if i > 0, !bytes.isEmpty {
          bytes[i * 4_099 % bytes.count] ^= UInt8(1 << (i % 8))
          if i % 4 == 0 { bytes.removeLast(i * 97 % bytes.count) }
        }
        target.run(bytes.rawSpan, surroundings)
      }
    }
  }
}
