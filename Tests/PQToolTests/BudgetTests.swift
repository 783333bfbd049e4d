import PQTestSupport
import Testing

/// The least budget that a plan asks for is enough, by the kernel's own bound on private memory.
@Suite struct BudgetTests {
  @Test(
    .disabled(if: isSanitized),
    arguments: [
      "ivfpq --nlist 16 --nbits 4 --vectors f32", "pq --nbits 4 --threads 1", "ivfflat --nlist 16 --threads 8", "flat",
    ])
  func leastBudget(_ index: String) throws {
    let folder = try TemporaryFolder()
    let input = folder.path("in.fvecs")
    #expect(try runTool("pq-data", ["generate", "--count", "3000", "--dim", "32", "-o", input]).exitCode == 0)
    let flags = ["--train-size", "1000", "--iterations", "1", "--index"] + index.split(separator: " ").map(String.init)
    let whole = try runTool("pq-build", [input, "-o", folder.path("whole.pqx"), "--quiet"] + flags)
    #expect(whole.exitCode == 0, "\(whole.errors)")

    let refused = try runTool("pq-build", [input, "-o", folder.path("least.pqx"), "--memory", "1"] + flags)
    #expect(refused.exitCode == 64)
    let least = try #require(refused.errors.split(whereSeparator: \.isWhitespace).last.flatMap { Int($0) })
    let bounded = try runInstalled(
      "prlimit",
      ["--data=\(least)", toolPath("pq-build"), input, "-o", folder.path("least.pqx"), "--memory", "\(least)"] + flags)
    #expect(bounded.exitCode == 0, "\(least) bytes: \(bounded.errors)")
    #expect(bounded.errors.contains("plan: "))
    let same = try folder.read("least.pqx") == folder.read("whole.pqx")
    #expect(same)
  }

  /// A merge of a list that is larger than the budget, which the kernel holds it to.
  @Test func listBeyondTheBudget() throws {
    let folder = try TemporaryFolder()
    let (copies, rows, dimension, budget) = (420, 256, 64, 25 << 20)
    let block = SeededVectors.floats(rows: rows, dimension: dimension, seed: 3).flatMap { $0 }
    var bytes = VectorBytes.bytes(UInt32(copies * rows)) + VectorBytes.bytes(UInt32(dimension))
    let blockBytes = block.flatMap { VectorBytes.bytes($0.bitPattern) }
    for _ in 0..<copies { bytes += blockBytes }
    #expect(copies * blockBytes.count > budget)
    let input = try folder.write(bytes, to: "in.fbin")
    let whole = folder.path("whole.pqx")
    let flags = ["--index", "ivfflat", "--nlist", "1", "--train-size", "256", "--iterations", "1", "--quiet"]
    let build = try runTool("pq-build", [input, "-o", whole] + flags)
    #expect(build.exitCode == 0, "\(build.errors)")
    let expected = try folder.read("whole.pqx")
    for threads in [1, 2] {
      let merge = try runInstalled(
        "prlimit",
        [
          "--data=\(budget)", toolPath("pq-build"), "merge", whole, "-o", folder.path("\(threads).pqx"), "--memory",
          "\(budget)", "--threads", "\(threads)", "--quiet",
        ])
      #expect(merge.exitCode == 0, "\(threads) threads: \(merge.errors)")
      let same = try folder.read("\(threads).pqx") == expected
      #expect(same, "\(threads) threads")
    }
  }
}
