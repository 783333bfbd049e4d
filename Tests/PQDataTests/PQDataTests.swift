import Foundation
import PQTestSupport
import Testing

/// The built tool: what it writes, and its exit codes.
@Suite struct PQDataTests {
  private func run(_ arguments: String..., input: [UInt8] = []) throws -> ToolRun {
    try runTool("pq-data", arguments, input: input)
  }

  private static let bytes = VectorBytes.bvecs([[1, 2, 3], [4, 5, 6], [7, 8, 9]])

  @Test func generateIsReproducible() throws {
    let folder = try TemporaryFolder()
    let all = try run("generate", "--count", "3000", "--dim", "7", "--format", "bvecs", "--threads", "2")
    #expect(all.exitCode == 0)
    #expect(all.output.count == 3000 * 11)
    let file = folder.path("a.bvecs")
    #expect(try run("generate", "--count", "3000", "--dim", "7", "-o", file, "--threads", "1").exitCode == 0)
    #expect(try folder.read("a.bvecs") == all.output)
    let part = try run("generate", "--count", "3000", "--dim", "7", "--rows", "2990:3000", "--format", "bvecs")
    #expect(part.output.elementsEqual(all.output[(2990 * 11)...]))
    let other = try run("generate", "--count", "3000", "--dim", "7", "--seed", "2", "--format", "bvecs")
    #expect(other.output != all.output)
  }

  /// The same bytes on every machine: these are written down.
  @Test func generateIsPortable() throws {
    let run = try run(
      "generate", "--count", "1000000000000", "--dim", "4", "--rows", "999999999999:1000000000000",
      "--format", "u8bin")
    #expect(run.output == VectorBytes.counted(rows: 1, dimension: 4, [184, 108, 156, 92]))
  }

  @Test func convertsThereAndBack() throws {
    let folder = try TemporaryFolder()
    var path = try folder.write(Self.bytes, to: "a.bvecs")
    for name in ["b.fvecs", "c.fbin", "d.npy", "e.u8bin", "f.i8bin", "g.bvecs"] {
      let run = try run("convert", path, "-o", folder.path(name))
      #expect(run.exitCode == 0, "\(run.errors)")
      #expect(run.errors == "" && run.output == [])
      path = folder.path(name)
    }
    #expect(try folder.read("g.bvecs") == Self.bytes)
  }

  @Test func streams() throws {
    let folder = try TemporaryFolder()
    let fbin = try run("convert", "-", "--format", "bvecs", "-o", folder.path("a.fbin"), input: Self.bytes)
    #expect(fbin.exitCode == 0, "\(fbin.errors)")
    let bytes = try folder.read("a.fbin")
    let back = try run("convert", "-", "--format", "fbin", "-o", "-", "--output-format", "bvecs", input: bytes)
    #expect(back.output == Self.bytes)
    // A stream cannot be patched: the number of rows must be known.
    let unknown = try run("convert", "-", "--format", "bvecs", "-o", "-", "--output-format", "fbin", input: Self.bytes)
    #expect(unknown.exitCode == 64)
    let known = try run("convert", "-", "--format", "fbin", "-o", "-", "--output-format", "u8bin", input: bytes)
    #expect(known.output == VectorBytes.counted(rows: 3, dimension: 3, Array(1...9)))
    for (input, message) in [(Array(bytes.dropLast()), "truncated"), (bytes + [0], "more bytes follow"), ([], "empty")]
    {
      let run = try run("convert", "-", "--format", "fbin", "-o", folder.path("b.fvecs"), input: input)
      #expect(run.exitCode == 65)
      #expect(run.errors.contains(message))
    }
    for length in 1..<Self.bytes.count where length % 7 != 0 {
      let input = Array(Self.bytes[..<length])
      let run = try run("convert", "-", "--format", "bvecs", "-o", folder.path("b.fvecs"), input: input)
      #expect(run.exitCode == 65 && run.errors.contains("truncated"), "\(length): \(run.errors)")
    }
    #expect(try folder.names() == ["a.fbin"])
  }

  @Test func groundTruth() throws {
    let folder = try TemporaryFolder()
    let base = try folder.write(Self.bytes, to: "a.bvecs")
    let truth = folder.path("g.ivecs")
    #expect(try run("groundtruth", base, base, "-k", "2", "-o", truth).exitCode == 0)
    #expect(try folder.read("g.ivecs") == VectorBytes.ivecs([[0, 1], [1, 0], [2, 1]]))
    #expect(try run("groundtruth", base, base, "-k", "1", "--metric", "ip", "-o", truth, "--force").exitCode == 0)
    #expect(try folder.read("g.ivecs") == VectorBytes.ivecs([[2], [2], [2]]))
    let tooMany = try run("groundtruth", base, base, "-k", "4", "-o", folder.path("h.ivecs"))
    #expect(tooMany.exitCode == 64)
    #expect(tooMany.errors.contains("has 3 vectors"))
    let other = try folder.write(VectorBytes.bvecs([[1]]), to: "q.bvecs")
    #expect(try run("groundtruth", base, other, "-k", "1", "-o", folder.path("h.ivecs")).exitCode == 65)
    #expect(try folder.names() == ["a.bvecs", "g.ivecs", "q.bvecs"])
  }

  @Test func head() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Self.bytes, to: "a.bvecs")
    #expect(try run("head", path, "-n", "2").text == "\(path): bvecs, 3 rows of 3 u8 components\n0: 1 2 3\n1: 4 5 6\n")
    let floats = VectorBytes.fvecs([[0.1, -2]])
    #expect(
      try run("head", "-", "--format", "fvecs", input: floats).text == "-: fvecs, rows of 2 f32 components\n0: 0.1 -2\n"
    )
    let ids = try folder.write(VectorBytes.ivecs([[7, -1]]), to: "g.ivecs")
    #expect(try run("head", ids).text == "\(ids): ivecs, 1 rows of 2 i32 components\n0: 7 -1\n")
    let json = try JSONSerialization.jsonObject(with: Data(try run("head", path, "--json", "-n", "1").output))
    let object = try #require(json as? [String: Any])
    #expect(object["count"] as? Int == 3)
    #expect(object["component_type"] as? String == "u8")
    #expect(object["rows"] as? [[Int]] == [[1, 2, 3]])
  }

  @Test func exitCodes() throws {
    let folder = try TemporaryFolder()
    let good = try folder.write(Self.bytes, to: "a.bvecs")
    let cut = try folder.write(Self.bytes.dropLast(), to: "cut.bvecs")
    let halves = try folder.write(VectorBytes.fvecs([[0.5]]), to: "half.fvecs")
    let noExtension = try folder.write(Self.bytes, to: "vectors")
    let out = folder.path("out.bvecs")
    let cases: [(Int32, [String])] = [
      (0, ["--help"]), (0, ["--version"]), (0, ["head", "--help"]), (0, ["generate", "--version"]),
      (64, ["nonsense"]), (64, ["head"]), (64, ["head", good, "-n", "-1"]), (64, ["head", noExtension]),
      (64, ["generate", "--count", "0", "--dim", "1", "-o", out]),
      (64, ["generate", "--count", "1", "--dim", "65537", "-o", out]),
      (64, ["generate", "--count", "1", "--dim", "1", "--rows", "0:2", "-o", out]),
      (64, ["generate", "--count", "1", "--dim", "1", "--rows", "1:1", "-o", out]),
      (64, ["generate", "--count", "1", "--dim", "1"]),
      (64, ["groundtruth", good, good, "-k", "0", "-o", out]),
      (64, ["groundtruth", good, good, "-k", "1", "--metric", "l1", "-o", out]),
      (64, ["groundtruth", good, good, "-k", "1", "-o", out]),
      (65, ["head", cut]), (65, ["head", good, "--format", "npy"]), (65, ["convert", halves, "-o", out]),
      (66, ["head", folder.path("none.bvecs")]), (66, ["head", folder.path]),
      (73, ["convert", good, "-o", halves]), (73, ["convert", good, "-o", folder.path("none/a.bvecs")]),
    ]
    for (code, arguments) in cases {
      let run = try runTool("pq-data", arguments)
      #expect(run.exitCode == code, "\(arguments): \(run.errors)")
      // Results alone go to standard output.
      #expect(code == 0 ? run.errors.isEmpty : run.output.isEmpty && !run.errors.isEmpty, "\(arguments)")
    }
    #expect(try folder.names() == ["a.bvecs", "cut.bvecs", "half.fvecs", "vectors"])
  }
}
