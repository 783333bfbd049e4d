import Formats
import Foundation
import PQSearch
import PQTestSupport
import Testing

/// pq-inspect as its user meets it.
@Suite struct InspectToolTests {
  private static let sound = GoldenFiles.folder + "/ivfpq-l2-8.pqx"
  private static let damaged = GoldenFiles.folder + "/damaged-code-frame.pqx"

  private static func json(_ arguments: [String]) throws -> [String: Any] {
    let run = try runTool("pq-inspect", arguments + ["--json"])
    return try JSONSerialization.jsonObject(with: Data(run.output)) as? [String: Any] ?? [:]
  }

  @Test(arguments: [
    ["summary"], ["sections"], ["lists"], ["list", "0"], ["codebooks"], ["hexdump", "header"], ["hexdump", "table"],
    ["hexdump", "footer"], ["hexdump", "lists"], ["hexdump", "frames"], ["hexdump", "codes"], ["hexdump", "metadata"],
    ["verify"], ["verify", "--deep"],
  ])
  func everyViewShowsAndHasJSON(_ view: [String]) throws {
    let run = try runTool("pq-inspect", [Self.sound] + view)
    #expect(run.exitCode == 0 && !run.output.isEmpty && run.errors.isEmpty, "\(run.errors)")
    let json = try Self.json([Self.sound] + view)
    #expect(!json.isEmpty)
  }

  @Test func summaryAddsUp() throws {
    let json = try Self.json([Self.sound])
    let parts = try #require(json["parts"] as? [[String: Any]])
    let bytes = parts.compactMap { $0["bytes"] as? Int }.reduce(0, +)
    #expect(bytes == json["file_bytes"] as? Int)
    #expect(json["index"] as? String == "ivfpq")
    let built = try #require(json["built"] as? [String: Any])
    #expect((built["parameters"] as? [String: Any])?["nlist"] as? Int == json["nlist"] as? Int)
    let sizes = try Self.json([Self.sound, "lists", "--top", "1000000"])
    let total = (sizes["top"] as? [[String: Any]])?.compactMap { $0["vectors"] as? Int }.reduce(0, +)
    #expect(total == json["vectors"] as? Int)
  }

  /// Damage can be looked at: a dump checks no more than opening does.
  @Test func hexdumpShowsDamagedSections() throws {
    let run = try runTool("pq-inspect", [Self.damaged, "hexdump", "codes", "--limit", "1"])
    #expect(run.exitCode == 0 && run.text.contains("|"), "\(run.errors)")
  }

  /// What does not use a damaged part is shown.
  @Test func damagedCodebooks() throws {
    let folder = try TemporaryFolder()
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: Self.sound)))
    let codebooks = try #require(try Index(path: Self.sound).sectionRange("codebooks"))
    bytes[Int(codebooks.lowerBound)] ^= 1
    let path = try folder.write(bytes, to: "a.pqx")
    for view in [["summary"], ["sections"], ["lists"], ["list", "0"]] {
      let run = try runTool("pq-inspect", [path] + view)
      #expect(run.exitCode == 0, "\(view): \(run.errors)")
    }
    #expect(try runTool("pq-inspect", [path, "verify"]).exitCode == 1)
  }

  @Test func exitCodes() throws {
    let cases: [(Int32, [String])] = [
      (0, ["--help"]), (0, ["--version"]), (1, [Self.damaged, "verify"]), (65, [Self.damaged, "codebooks"]),
      (0, [Self.damaged]), (0, [Self.damaged, "sections"]),
      (64, [Self.sound, "nonsense"]), (64, [Self.sound, "list"]), (64, [Self.sound, "list", "9999"]),
      (64, [Self.sound, "hexdump", "nonsense"]), (66, [Self.sound + ".none"]),
      (65, [GoldenFiles.folder + "/README.md"]),
    ]
    for (code, arguments) in cases {
      let run = try runTool("pq-inspect", arguments)
      #expect(run.exitCode == code, "\(arguments): \(run.errors)")
    }
  }
}
