import Formats
import Foundation
import PQFormat
import PQSearch
import PQTestSupport
import Testing

/// `verify` finds every damaged byte and nothing else.
@Suite struct VerifyTests {
  private static func golden(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: GoldenFiles.folder + "/" + name)))
  }

  private static func problems(_ path: String, deep: Bool) -> [FormatError] {
    do throws(IndexError) {
      return try Index(path: path).verify(deep: deep)
    } catch {
      guard case .format(_, let problem) = error else { return [] }
      return [problem]
    }
  }

  @Test(arguments: GoldenFiles.valid + GoldenFiles.olderValid) func soundFilesAreSound(_ name: String) throws {
    let path = GoldenFiles.folder + "/" + name
    #expect(Self.problems(path, deep: false) == [])
    #expect(Self.problems(path, deep: true) == [])
  }

  @Test func damagedFilesAreNamed() {
    for (name, error) in GoldenFiles.damaged + GoldenFiles.olderDamaged {
      let problems = Self.problems(GoldenFiles.folder + "/" + name, deep: true)
      #expect(problems.first?.code.rawValue == error, "\(name)")
    }
  }
}
