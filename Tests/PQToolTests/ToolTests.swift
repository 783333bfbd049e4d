import Foundation
import PQTestSupport
import Testing

/// pq-build and pq-search as their users meet them.
@Suite struct ToolTests {
  static let rows = SeededVectors.floats(rows: 400, dimension: 8, seed: 11)
  static let flags = ["--nlist", "8", "--m", "4", "--nbits", "4", "--iterations", "3"]

  private static func json(_ run: ToolRun) throws -> [String: Any] {
    try JSONSerialization.jsonObject(with: Data(run.output)) as? [String: Any] ?? [:]
  }

  /// What `taskset -p` says of this process: the processors that it may run on, a bit each. Nil without that tool.
  private static let affinity: [Bool]? = {
    let pid = String(ProcessInfo.processInfo.processIdentifier)
    guard let run = try? runInstalled("taskset", ["-p", pid]), run.exitCode == 0,
      let digits = run.text.split(separator: " ").last?.filter(\.isHexDigit)
    else { return nil }
    return digits.reversed().flatMap { digit in (0..<4).map { (digit.hexDigitValue ?? 0) >> $0 & 1 == 1 } }
  }()

  /// There are two chunks a thread, and one for a single thread.
  @Test(.enabled(if: affinity != nil, "needs taskset(1)")) func threadsByDefaultAreOneForEachUsableProcessor() throws {
    let affinity = try #require(Self.affinity)
    let usable = affinity.count { $0 }
    let folder = try TemporaryFolder()
    let base = try folder.write(VectorBytes.fvecs(Self.rows), to: "base.fvecs")
    let build = [base, "-o", folder.path("a.pqx"), "--force", "--memory", "64GiB"] + Self.flags
    let plan = try runTool("pq-build", build).errors
    #expect(plan.contains(usable == 1 ? ", a chunk of " : ", \(2 * min(usable, 1024)) chunks of "), "\(plan)")

    let one = try #require(affinity.firstIndex(of: true))
    let bound = try runInstalled("taskset", ["-c", String(one), toolPath("pq-build")] + build)
    #expect(bound.exitCode == 0 && bound.errors.contains(", a chunk of "), "\(bound.errors)")
  }

  @Test func buildAndSearch() throws {
    let folder = try TemporaryFolder()
    let base = try folder.write(VectorBytes.fvecs(Self.rows), to: "base.fvecs")
    let query = try folder.write(VectorBytes.fvecs(Array(Self.rows.prefix(5))), to: "query.fvecs")
    let index = folder.path("a.pqx")
    let build = try runTool("pq-build", [base, "-o", index, "--json", "--vectors", "f32"] + Self.flags)
    #expect(build.exitCode == 0, "\(build.errors)")
    let built = try Self.json(build)
    for key in ["stages", "vectors_per_second", "peak_rss_bytes", "file_bytes", "bytes_per_vector"] {
      #expect(built[key] != nil, "\(key)")
    }
    let lines = try runTool("pq-search", [index, query, "-k", "3", "--nprobe", "8", "--rerank", "400"])
    #expect(lines.exitCode == 0 && lines.errors.isEmpty)
    let firsts = lines.text.split(separator: "\n").map { $0.split(separator: " ").first ?? "" }
    #expect(firsts == ["0:0.0", "1:0.0", "2:0.0", "3:0.0", "4:0.0"])

    let truth = try folder.write(VectorBytes.ivecs((0..<5).map { [Int32($0)] }), to: "truth.ivecs")
    let points = try runTool(
      "pq-search",
      [index, query, "-k", "1", "--nprobe", "1,8", "--rerank", "0,400", "--groundtruth", truth, "--json"])
    let report = try Self.json(points)
    #expect(report["open_us"] as? Double ?? 0 > 0)
    let list = try #require(report["points"] as? [[String: Any]])
    #expect(list.count == 4)
    for key in ["nprobe", "rerank", "recall_at_1", "recall_at_k", "qps", "codes_scanned", "bytes_read", "pages_read"] {
      #expect(list[0][key] != nil, "\(key)")
    }
    let latency = try #require(list[0]["latency_us"] as? [String: Any])
    #expect(Set(latency.keys) == ["p50", "p95", "p99"])
    #expect(list[3]["recall_at_1"] as? Double == 1)

    for flags in [["--repeat", "3"], ["--cold"], ["--repeat", "2", "--batch", "1"]] {
      let repeated = try runTool("pq-search", [index, query, "-k", "3", "--nprobe", "8", "--rerank", "400"] + flags)
      #expect(repeated.output == lines.output, "\(flags)")
    }

    let bounded = try Self.json(
      runTool("pq-search", [index, query, "--nprobe", "8", "--max-codes", "60", "--reach", "1.5", "--json"]))
    let point = try #require((bounded["points"] as? [[String: Any]])?.first)
    #expect(point["max_codes"] as? Int == 60 && point["reach"] as? Double == 1.5 && point["nprobe"] as? Int == 8)
    #expect(list[0]["max_codes"] == nil && list[0]["reach"] == nil)
    let unbounded = try runTool("pq-search", [index, query, "--nprobe", "8", "--reach", "inf", "--json"])
    #expect(unbounded.exitCode == 0 && !unbounded.text.contains("reach"), "\(unbounded.errors)")
    let visited = try #require(point["lists_visited"] as? Int)
    #expect(visited >= 5 && visited < 40)
    for flags in [["--max-codes", "0"], ["--reach", "0.5"], ["--reach", "nan"]] {
      let refused = try runTool("pq-search", [index, query] + flags)
      #expect(refused.exitCode == 64 && refused.output.isEmpty, "\(flags): \(refused.errors)")
    }

    let floor = ["--groundtruth", truth, "-k", "1", "--nprobe", "8"]
    #expect(try runTool("pq-search", [index, query, "--rerank", "400", "--recall-floor", "1"] + floor).exitCode == 0)
    let wrong = try folder.write(VectorBytes.ivecs((0..<5).map { [Int32($0) + 300] }), to: "wrong.ivecs")
    let below = try runTool(
      "pq-search", [index, query, "-k", "1", "--groundtruth", wrong, "--rerank", "400", "--recall-floor", "0.5"])
    #expect(below.exitCode == 1)
  }

  /// A similarity that overflows on its way stays infinite, though all of its terms would give less: no bound of the
  /// integer scan may leave it out.
  @Test func partialSumsOverflow() throws {
    let folder = try TemporaryFolder()
    let kinds: [[Float]] = [[0.5e19, 1.7e19], [0, 1.8e19], [1.8e19, 0], [1.8e19, 0]]
    let base = try folder.write(VectorBytes.fvecs((0..<2000).map { kinds[$0 % 4] }), to: "base.fvecs")
    let query = try folder.write(VectorBytes.fvecs([[1.3e19, 1.3e19]]), to: "query.fvecs")
    let index = folder.path("a.pqx")
    let flags = ["--metric", "ip", "--nlist", "1", "--m", "2", "--nbits", "5", "--vectors", "f32", "--quiet"]
    let build = try runTool("pq-build", [base, "-o", index] + flags)
    #expect(build.exitCode == 0, "\(build.errors)")
    for rerank in ["0", "5"] {
      let search = [index, query, "-k", "3", "--rerank", rerank]
      let (found, plain) = (try runTool("pq-search", search), try runTool("pq-search", search + ["--no-filter"]))
      #expect(found.exitCode == 0 && found.text == plain.text, "\(found.text), not \(plain.text)")
    }
  }

  /// No number that an option may be given ends a tool by a trap.
  @Test func extremeNumbers() throws {
    let folder = try TemporaryFolder()
    let base = try folder.write(VectorBytes.fvecs(Self.rows), to: "base.fvecs")
    let index = folder.path("a.pqx")
    #expect(try runTool("pq-build", [base, "-o", index, "--vectors", "u8", "--quiet"] + Self.flags).exitCode == 64)
    #expect(try runTool("pq-build", [base, "-o", index, "--vectors", "f32", "--quiet"] + Self.flags).exitCode == 0)
    let build = ["build", base, "-o", folder.path("b.pqx"), "--force", "--quiet", "--dry-run"]
    let encode = ["encode", base, "--model", index, "-o", folder.path("c.pqx"), "--force", "--quiet", "--dry-run"]
    let tools: [(String, [String], [String])] = [
      ("pq-search", [index, base, "--limit", "2"], ["-k", "--nprobe", "--max-codes", "--rerank", "--threads"]),
      ("pq-search", [index, base], ["--limit", "--batch"]),
      ("pq-build", build + Self.flags, ["--groups", "--seed", "--train-size", "--iterations", "--first-id"]),
      ("pq-build", build, ["--nlist", "--m", "--nbits", "--target-bytes", "--align", "--memory", "--threads"]),
      ("pq-build", encode, ["--threads", "--first-id", "--memory"]),
      ("pq-build", ["merge", index, "-o", folder.path("d.pqx"), "--force", "--quiet"], ["--threads", "--memory"]),
      ("pq-inspect", [index, "lists"], ["--top"]), ("pq-inspect", [index, "hexdump", "codes"], ["--limit"]),
    ]
    for (tool, arguments, options) in tools {
      for option in options {
        for number in ["-9223372036854775808", "0", "1152921504606846976", "9223372036854775807"] {
          let run = try runTool(tool, arguments + ["\(option)=\(number)"])
          #expect([0, 64].contains(run.exitCode), "\(tool) \(option) \(number): \(run.exitCode) \(run.errors)")
        }
      }
    }
  }

  /// `--rotate`: the plan says so, and the file has axes; without codes it is refused.
  @Test func rotation() throws {
    let folder = try TemporaryFolder()
    let base = try folder.write(VectorBytes.fvecs(Self.rows), to: "base.fvecs")
    let index = folder.path("a.pqx")
    let build = [base, "-o", index, "--rotate", "--quiet"] + Self.flags
    let plan = try runTool("pq-build", build + ["--dry-run"])
    #expect(plan.exitCode == 0 && plan.text.contains(", residual, rotated\n"), "\(plan.text)\(plan.errors)")
    #expect(try runTool("pq-build", build).exitCode == 0)
    #expect(try runTool("pq-search", [index, base, "-k", "1", "--limit", "3"]).exitCode == 0)
    // The incompatible features of the header: a rotation, and brackets.
    #expect(try folder.read("a.pqx")[32] == 3)
    let flat = try runTool("pq-build", [base, "-o", folder.path("b.pqx"), "--rotate", "--index", "flat"])
    #expect(flat.exitCode == 64 && flat.errors.contains("--rotate"), "\(flat.errors)")
  }

  /// What the kind of index has no use for is refused where it is given, and names both flags.
  @Test(
    arguments: [
      ("flat", "--m 4"), ("flat", "--nbits 8"), ("flat", "--train-size 300"), ("flat", "--iterations 3"),
      ("flat", "--train-input learn.fvecs"),
      ("ivfflat", "--m 4"), ("ivfflat", "--nbits 4"),
    ])
  func flagsThatMeanNothing(kind: String, option: String) throws {
    let folder = try TemporaryFolder()
    let base = try folder.write(VectorBytes.fvecs(Self.rows), to: "base.fvecs")
    let words = option.split(separator: " ").map(String.init)
    let run = try runTool("pq-build", [base, "-o", folder.path("a.pqx"), "--index", kind, "--quiet"] + words)
    #expect(run.exitCode == 64, "\(run.errors)")
    #expect(run.errors.contains("\(option) with --index \(kind), which has no"), "\(run.errors)")
    #expect(try folder.names() == ["base.fvecs"])
  }

  @Test func resultFiles() throws {
    let folder = try TemporaryFolder()
    let base = try folder.write(VectorBytes.fvecs(Self.rows), to: "base.fvecs")
    let index = folder.path("a.pqx")
    #expect(try runTool("pq-build", [base, "-o", index, "--quiet", "--index", "flat"]).exitCode == 0)
    let run = try runTool(
      "pq-search",
      [index, base, "-k", "2", "--limit", "3", "-o", folder.path("ids.ivecs"), "--distances", folder.path("d.fvecs")])
    #expect(run.exitCode == 0 && run.output.isEmpty, "\(run.errors)")
    #expect(try folder.read("ids.ivecs").count == 3 * 12)
    #expect(try folder.read("d.fvecs").count == 3 * 12)
    let far = folder.path("far.pqx")
    // The least that no Double holds.
    let numbered = ["--index", "flat", "--first-id", "9007199254740993"]
    #expect(try runTool("pq-build", [base, "-o", far, "--quiet"] + numbered).exitCode == 0)
    #expect(try runTool("pq-search", [far, base, "-o", folder.path("far.ivecs")]).exitCode == 65)
    let ids = folder.path("far.npy")
    #expect(try runTool("pq-search", [far, base, "-o", ids]).exitCode == 0)
    let found = try runTool("pq-search", [far, base, "--groundtruth", ids, "--recall-floor", "1"])
    #expect(found.exitCode == 0, "\(found.errors)")
    let head = try Self.json(runTool("pq-data", ["head", ids, "-n", "1", "--json"]))
    #expect(head["component_type"] as? String == "i64" && head["count"] as? Int == Self.rows.count)
    #expect((head["rows"] as? [[Int]])?[0][0] == 9_007_199_254_740_993)
  }

  /// Result files that cannot be are refused before the search, and neither is written without the other.
  @Test func refusedResultFiles() throws {
    let folder = try TemporaryFolder()
    let base = try folder.write(VectorBytes.fvecs(Self.rows), to: "base.fvecs")
    let index = folder.path("a.pqx")
    #expect(try runTool("pq-build", [base, "-o", index, "--quiet", "--index", "flat"]).exitCode == 0)
    let old = try folder.write([], to: "old.fvecs")
    let (ids, distances) = (["-o", folder.path("ids.ivecs")], ["--distances", folder.path("d.fvecs")])
    let cases: [(Int32, String, [String])] = [
      (64, "name a .fvecs file", ids + ["--distances", folder.path("d.txt")]),
      (64, ".ivecs or .npy", ["-o", folder.path("ids.txt")] + distances),
      (64, "is read from", ids + ["--distances", base]), (73, "exists", ids + ["--distances", old]),
      (73, "cannot be created", ["-o", folder.path("none/ids.npy")]),
      (64, "1 to 65536", ids + distances + ["-k", "100000"]), (64, "1 to 65536", ids + ["-k", "65537"]),
      (64, "1 to 65536", distances + ["-k", "0"]),
    ]
    for (code, message, arguments) in cases {
      // A search would refuse this reach: what is refused instead was refused before.
      let run = try runTool("pq-search", [index, base, "--reach", "0.5"] + arguments)
      #expect(run.exitCode == code && run.errors.contains(message), "\(arguments): \(run.errors)")
      #expect(try folder.names() == ["a.pqx", "base.fvecs", "old.fvecs"], "\(arguments)")
    }
    let widest = [index, base, "--limit", "2", "-k", "65536"]
    #expect(try runTool("pq-search", widest + ids + distances).exitCode == 0)
    let read = try runTool("pq-search", widest + ["--groundtruth", ids[1]])
    #expect(read.exitCode == 0, "\(read.errors)")
  }

  /// What is printed to a closed stream goes nowhere, and above all not to the files.
  @Test func closedStreams() throws {
    let folder = try TemporaryFolder()
    let base = try folder.write(VectorBytes.fvecs(Self.rows), to: "base.fvecs")
    let (index, ids) = (folder.path("a.pqx"), folder.path("ids.ivecs"))
    func closed(_ tool: String, _ arguments: [String]) throws -> Int32 {
      try runInstalled("sh", ["-c", "exec \"$@\" <&- >&- 2>&-", "sh", toolPath(tool)] + arguments).exitCode
    }
    #expect(try closed("pq-build", [base, "-o", index] + Self.flags) == 0)
    #expect(try closed("pq-search", [index, base, "-k", "3", "-o", ids, "--json"]) == 74)
    #expect(try folder.read("ids.ivecs").count == Self.rows.count * 16)
    #expect(try runTool("pq-inspect", [index, "verify", "--deep"]).exitCode == 0)
  }

  @Test func dryRunAsJSON() throws {
    let folder = try TemporaryFolder()
    let base = try folder.write(VectorBytes.fvecs(Self.rows), to: "base.fvecs")
    let dry = [base, "-o", folder.path("a.pqx"), "--dry-run", "--json", "--quiet"]
    let run = try runTool("pq-build", dry + Self.flags)
    let plan = try JSONSerialization.jsonObject(with: Data(run.output)) as? [String: Any]
    #expect(plan?["index"] as? String == "ivfpq" && run.errors.isEmpty, "\(run.errors)")
    // A model takes no disk for the vectors.
    let train = try runTool("pq-build", ["train"] + dry + Self.flags)
    let model = try JSONSerialization.jsonObject(with: Data(train.output)) as? [String: Any]
    let (all, less) = (try #require(plan?["disk_bytes"] as? Int), try #require(model?["disk_bytes"] as? Int))
    #expect(less < all)
    #expect(try folder.names() == ["base.fvecs"])
  }

  /// What a build would be refused for at once, its plan is too.
  @Test func dryRunRefusals() throws {
    let folder = try TemporaryFolder()
    let base = try folder.write(VectorBytes.fvecs(Self.rows), to: "base.fvecs")
    let ids = try folder.write([UInt8](repeating: 0, count: 8), to: "one.ids")
    let taken = try folder.write([], to: "taken.pqx")
    for (code, arguments) in [
      (73, ["-o", taken]), (0, ["-o", taken, "--force"]), (73, ["-o", taken, "--resume"]),
      (73, ["-o", folder.path, "--force"]), (73, ["-o", folder.path("none/a.pqx")]), (64, ["-o", base, "--force"]),
      (65, ["-o", folder.path("a.pqx"), "--ids", ids]),
    ] as [(Int32, [String])] {
      for dry in [[], ["--dry-run"]] where code != 0 || !dry.isEmpty {
        let run = try runTool("pq-build", [base, "--quiet"] + arguments + Self.flags + dry)
        #expect(run.exitCode == code, "\(arguments + dry): \(run.errors)")
      }
    }
    #expect(try folder.names().sorted() == ["base.fvecs", "one.ids", "taken.pqx"])
  }

  @Test func exitCodes() throws {
    let folder = try TemporaryFolder()
    let base = try folder.write(VectorBytes.fvecs(Self.rows), to: "base.fvecs")
    let cut = try folder.write(Array(VectorBytes.fvecs(Self.rows).dropLast(3)), to: "cut.fvecs")
    let (index, out, pipe) = (folder.path("a.pqx"), folder.path("b.pqx"), folder.path("pipe"))
    #expect(try runInstalled("mkfifo", [pipe]).exitCode == 0)
    #expect(try runTool("pq-build", [base, "-o", index, "--quiet"] + Self.flags).exitCode == 0)
    let cases: [(Int32, String, [String])] = [
      (0, "pq-build", ["--help"]), (0, "pq-search", ["--version"]), (64, "pq-build", [base]),
      (64, "pq-build", [base, "-o", out, "--m", "3"]), (64, "pq-build", [base, "-o", out, "--nlist", "many"]),
      (64, "pq-build", ["-", "-o", out]), (65, "pq-build", [cut, "-o", out]),
      (66, "pq-build", [base + ".none", "-o", out]), (66, "pq-build", [folder.path, "-o", out]),
      (73, "pq-build", [base, "-o", index]), (0, "pq-build", [base, "-o", out, "--dry-run"]),
      (73, "pq-build", [base, "-o", folder.path, "--force"]), (73, "pq-build", [base, "-o", pipe, "--force"]),
      (64, "pq-build", [base, "-o", ""]), (64, "pq-build", [base, "-o", "-"]),
      (64, "pq-build", [base, "-o", base, "--force"]),
      (64, "pq-build", [base, "-o", out, "--target-bytes", "nan"]),
      (64, "pq-search", [index, base, "-o", "-", "--json"]), (64, "pq-search", [index, base, "--groundtruth", base]),
      (64, "pq-search", [index, base, "--groundtruth", "g.ivecs", "--recall-floor", "nan"]),
      (73, "pq-build", ["merge", index, "-o", folder.path, "--force"]),
      (64, "pq-search", [index, base, "-k", "0"]), (64, "pq-search", [index, base, "--nprobe", "0"]),
      (64, "pq-search", [index, base, "--rerank", "5"]), (65, "pq-search", [base, base]),
      (66, "pq-search", [index + ".none", base]), (64, "pq-search", [index, base, "--recall-floor", "0.5"]),
      (64, "pq-search", [index, base, "--repeat", "0"]), (64, "pq-search", [index, base, "--repeat", "2", "--cold"]),
      (0, "pq-search", [index, base, "--nprobe", "100000", "-k", "1000"]),
      (64, "pq-build", ["train", base, "--index", "flat", "-o", out]),
      (64, "pq-build", ["train", base, "--index", "flat", "-o", out, "--dry-run"]),
      (64, "pq-build", [base, "-o", out, "--train-input", "-"]),
      (64, "pq-search", [index, "-", "--format", "fvecs", "--groundtruth", "-"]),
      (64, "pq-data", ["groundtruth", base, "-", "-k", "1", "-o", folder.path("g.ivecs")]),
      (64, "pq-inspect", [index, "--deep"]), (64, "pq-inspect", [index, "verify", "--top", "3"]),
      // What is read is not written over, with --force either.
      (64, "pq-build", ["encode", base, "--model", index, "-o", index, "--force"]),
      (64, "pq-build", ["merge", index, "-o", index, "--force"]),
      (64, "pq-search", [index, base, "--distances", base, "--force"]),
      (64, "pq-data", ["convert", base, "-o", base, "--force"]),
    ]
    for (code, tool, arguments) in cases {
      let run = try runTool(tool, arguments)
      #expect(run.exitCode == code, "\(tool) \(arguments): \(run.errors)")
    }
    #expect(!FileManager.default.fileExists(atPath: out))
  }

  @Test func interruption() throws {
    let folder = try TemporaryFolder()
    let rows = SeededVectors.floats(rows: 4000, dimension: 64, seed: 3)
    let base = try folder.write(VectorBytes.fvecs(rows), to: "base.fvecs")
    let out = folder.path("a.pqx")
    let run = try runTool(
      "pq-build", [base, "-o", out, "--nlist", "64", "--nbits", "8", "--iterations", "1000000"], timeout: 60,
      interruptWhen: { FileManager.default.fileExists(atPath: out + ".work/lock") })
    #expect(run.exitCode == 130, "\(run.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["base.fvecs"])
  }
}
