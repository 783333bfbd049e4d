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

  @Test(arguments: GoldenFiles.valid + GoldenFiles.valid10) func soundFilesAreSound(_ name: String) throws {
    let path = GoldenFiles.folder + "/" + name
    #expect(Self.problems(path, deep: false) == [])
    #expect(Self.problems(path, deep: true) == [])
  }

  @Test func damagedFilesAreNamed() {
    for (name, error) in GoldenFiles.damaged + GoldenFiles.damaged10 {
      let problems = Self.problems(GoldenFiles.folder + "/" + name, deep: true)
      #expect(problems.first?.code.rawValue == error, "\(name)")
    }
  }

  /// One bit of every 7th byte (all bytes with PQX_LONG_TESTS), in each kind of file.
  @Test(arguments: ["flat-f32.pqx", "pq-8.pqx", "ivfflat-ip.pqx", "ivfpq-l2-8.pqx", "ivfpq-lz4.pqx"])
  func everyFlippedByteIsFound(_ name: String) throws {
    let folder = try TemporaryFolder()
    let bytes = try Self.golden(name)
    let step = ProcessInfo.processInfo.environment["PQX_LONG_TESTS"] == nil ? 7 : 1
    let path = try folder.write(bytes, to: "damaged.pqx")
    let file = try #require(FileHandle(forUpdatingAtPath: path))
    var missed: [Int] = []
    for offset in stride(from: 0, to: bytes.count, by: step) {
      try file.seek(toOffset: UInt64(offset))
      file.write(Data([bytes[offset] ^ (1 << UInt8(offset / 7 % 8))]))
      if Self.problems(path, deep: false).isEmpty { missed.append(offset) }
      try file.seek(toOffset: UInt64(offset))
      file.write(Data([bytes[offset]]))
    }
    #expect(missed == [])
    #expect(Self.problems(path, deep: true) == [])
  }
}
