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
}
