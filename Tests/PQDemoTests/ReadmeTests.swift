import Foundation
import PQSearch
import PQTestSupport
import SIFTSample
import Testing

/// What README.md says.
@Suite struct ReadmeTests {
  private static func text(_ path: String) throws -> String {
    try String(contentsOfFile: "\(#filePath)/../../../\(path)".standardized, encoding: .utf8)
  }

  /// The example is the one that is compiled here.
  @Test func exampleIsCompiled() throws {
    let source = try Self.text("Tests/PQDemoTests/ReadmeExample.swift")
    #expect(try Self.text("README.md").contains("```swift\n\(source)```\n"))
  }

  @Test func exampleFindsNeighbors() throws {
    let folder = try TemporaryFolder()
    let data = try Data(contentsOf: URL(fileURLWithPath: SIFTSample.base))
    // Rows of bvecs: four bytes of dimension, then 128 components.
    let rows = 2000
    let file = try folder.write(Array(data[..<(rows * 132)]), to: "sample.bvecs")
    let queries = [0, 777, 1999].map { row in data[(row * 132 + 4)..<(row + 1) * 132].map(Float.init) }
    let found = try nearestRows(of: queries, in: file, building: folder.path("sample.pqx"))
    #expect(found.map(\.count) == [10, 10, 10])
    for (row, neighbors) in zip([0, 777, 1999] as [UInt64], found) {
      #expect(neighbors.contains { $0.id == row }, "row \(row) is near itself")
    }
  }
}

extension String {
  fileprivate var standardized: String { URL(fileURLWithPath: self).standardizedFileURL.path }
}
