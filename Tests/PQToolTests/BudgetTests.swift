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
    let training = index == "flat" ? [] : ["--train-size", "1000", "--iterations", "1"]
    let flags = training + ["--index"] + index.split(separator: " ").map(String.init)
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
  @Test(.disabled(if: isSanitized, "the limit leaves no room for a shadow")) func listBeyondTheBudget() throws {
    let folder = try TemporaryFolder()
    // Wide rows: it is rows that take long.
    let (copies, rows, dimension, budget) = (600, 128, 128, 36 << 20)
    let block = SeededVectors.floats(rows: rows, dimension: dimension, seed: 3).flatMap { $0 }
    var bytes = VectorBytes.bytes(UInt32(copies * rows)) + VectorBytes.bytes(UInt32(dimension))
    let blockBytes = block.flatMap { VectorBytes.bytes($0.bitPattern) }
    for _ in 0..<copies { bytes += blockBytes }
    #expect(copies * blockBytes.count > budget)
    let input = try folder.write(bytes, to: "in.fbin")
    let whole = folder.path("whole.pqx")
    let flags = ["--index", "ivfflat", "--nlist", "1", "--train-size", "128", "--iterations", "1", "--quiet"]
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

  /// Many shards, and codes of 12 bits, whose brackets take a table, with the least budget that the tool itself names.
  @Test(.disabled(if: isSanitized, "the limit leaves no room for a shadow")) func leastBudgetOfMerge() throws {
    let folder = try TemporaryFolder()
    let (input, model, whole) = (folder.path("in.fvecs"), folder.path("model.pqx"), folder.path("whole.pqx"))
    #expect(try runTool("pq-data", ["generate", "--count", "4800", "--dim", "32", "-o", input]).exitCode == 0)
    let flags = ["--nlist", "2", "--m", "16", "--nbits", "12", "--train-size", "4200", "--iterations", "1", "--quiet"]
    let trained = try runTool("pq-build", ["train", input, "-o", model] + flags)
    #expect(trained.exitCode == 0, "\(trained.errors)")
    let encoded = try runTool("pq-build", ["encode", input, "--model", model, "-o", whole, "--quiet"])
    #expect(encoded.exitCode == 0, "\(encoded.errors)")
    let shards = (0..<8).map { folder.path("shard\($0).pqx") }
    for (i, shard) in shards.enumerated() {
      let rows = "\(i * 600):\((i + 1) * 600)"
      let run = try runTool("pq-build", ["encode", input, "--model", model, "--rows", rows, "-o", shard, "--quiet"])
      #expect(run.exitCode == 0, "\(run.errors)")
    }
    for threads in [1, 8] {
      let merged = "\(threads).pqx"
      let merge = ["merge"] + shards + ["-o", folder.path(merged), "--threads", "\(threads)", "--quiet"]
      let refused = try runTool("pq-build", merge + ["--memory", "1"])
      #expect(refused.exitCode == 64)
      let least = try #require(refused.errors.split(whereSeparator: \.isWhitespace).last.flatMap { Int($0) })
      let bounded = try runInstalled(
        "prlimit", ["--data=\(least)", toolPath("pq-build")] + merge + ["--memory", "\(least)"])
      #expect(bounded.exitCode == 0, "\(threads) threads, \(least) bytes: \(bounded.errors)")
      let same = try folder.read(merged) == folder.read("whole.pqx")
      #expect(same, "\(threads) threads")
    }
  }
}
