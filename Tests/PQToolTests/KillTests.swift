import Foundation
import PQTestSupport
import Testing

/// pq-build when it is killed, interrupted or refused by the system, and gone on with.
@Suite struct KillTests {
  private static let rows = SeededVectors.floats(rows: 500, dimension: 8, seed: 21)
  private static let flags = ["--nlist", "8", "--m", "4", "--nbits", "4", "--iterations", "3", "--quiet"]

  private static func expected(_ folder: borrowing TemporaryFolder) throws -> (input: String, bytes: [UInt8]) {
    let input = try folder.write(VectorBytes.fvecs(rows), to: "in.fvecs")
    let run = try runTool("pq-build", [input, "-o", folder.path("whole.pqx")] + flags)
    #expect(run.exitCode == 0, "\(run.errors)")
    return (input, try folder.read("whole.pqx"))
  }

  /// The calls that change files: a kill before one of them leaves what all before have done.
  private static let calls = [
    "mkdir", "flock", "pwrite64", "fdatasync", "fsync", "fchmod", "renameat2", "unlink", "rmdir",
  ]

  private static let hasStrace =
    (try? runInstalled("strace", ["-f", "-e", "trace=none", "true"]).exitCode == 0) == true

  /// Kills a build at its n-th call of one kind, and goes on. All n with PQX_LONG_TESTS set, else some.
  @Test(.enabled(if: hasStrace, "needs strace(1)"), arguments: calls) func killedAtACall(_ call: String) throws {
    let folder = try TemporaryFolder()
    let (input, expected) = try Self.expected(folder)
    let step = ProcessInfo.processInfo.environment["PQX_LONG_TESTS"] == nil ? 4 : 1
    let tool = toolPath("pq-build")
    var kills = 0
    for n in stride(from: 1, to: 1000, by: step) {
      let output = folder.path("\(n).pqx")
      // Counted by strace for each call and each thread.
      let run = try runInstalled(
        "strace",
        ["-f", "-qq", "-o", "/dev/null", "-e", "trace=\(call)", "-e", "inject=\(call):signal=KILL:when=\(n)"]
          + [tool, input, "-o", output] + Self.flags)
      if run.exitCode == 0 { break }
      kills += 1
      let resumed = try runTool("pq-build", [input, "-o", output, "--resume"] + Self.flags)
      // Killed after the file had its name and the journal was gone, there is nothing to go on with.
      #expect(resumed.exitCode == 0 || resumed.exitCode == 73, "\(call) \(n): \(resumed.errors)")
      let same = try folder.read("\(n).pqx") == expected
      #expect(same, "killed at \(call) \(n)")
    }
    #expect(kills > 0)
  }

  /// A finished file that was cut before it got its name is not published.
  @Test(.enabled(if: hasStrace, "needs strace(1)")) func damagedResult() throws {
    let folder = try TemporaryFolder()
    let (input, expected) = try Self.expected(folder)
    let build = [toolPath("pq-build"), input, "-o", folder.path("a.pqx")] + Self.flags
    let kill = ["-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat2", "-e", "inject=renameat2:signal=KILL:when=1"]
    #expect(try runInstalled("strace", kill + build).exitCode != 0)
    let finished = try folder.read("a.pqx.work/index.pqx")
    #expect(finished == expected)
    try FileManager.default.removeItem(atPath: folder.path("a.pqx.work/index.pqx"))
    try folder.write(Array(finished.dropLast(4096)), to: "a.pqx.work/index.pqx")
    let refused = try runTool("pq-build", Array(build.dropFirst()) + ["--resume"])
    #expect(refused.exitCode == 65, "\(refused.errors)")
    #expect(!FileManager.default.fileExists(atPath: folder.path("a.pqx")))
    try FileManager.default.removeItem(atPath: folder.path("a.pqx.work/index.pqx"))
    try folder.write(finished, to: "a.pqx.work/index.pqx")
    #expect(try runTool("pq-build", Array(build.dropFirst()) + ["--resume"]).exitCode == 0)
    #expect(try folder.read("a.pqx") == expected)
  }

  /// Kills a build at each file that it removes as it forgets an interrupted one: what is left can be gone on with, or
  /// nothing is.
  @Test(.enabled(if: hasStrace, "needs strace(1)")) func killedAsItForgets() throws {
    let folder = try TemporaryFolder()
    let (input, expected) = try Self.expected(folder)
    let output = folder.path("a.pqx")
    func build(_ killed: String?, _ flags: [String]) throws -> ToolRun {
      let tool = [toolPath("pq-build"), input, "-o", output] + flags + Self.flags
      guard let killed else { return try runTool("pq-build", Array(tool.dropFirst())) }
      let trace = ["-f", "-qq", "-o", "/dev/null", "-e", "trace=unlink,renameat2", "-e", "inject=\(killed)"]
      return try runInstalled("strace", trace + tool)
    }
    var kills = 0
    for n in 1...16 {
      // All is done but for the output's name.
      #expect(try build("renameat2:signal=KILL", []).exitCode != 0)
      #expect(try folder.names().contains("a.pqx.work"))
      if try build("unlink:signal=KILL:when=\(n)", ["--force"]).exitCode == 0 { break }
      kills += 1
      let resumed = try build(nil, ["--resume"])
      #expect(resumed.exitCode == 0, "removal \(n): \(resumed.errors)")
      let same = try folder.read("a.pqx") == expected
      #expect(same, "removal \(n)")
      try FileManager.default.removeItem(atPath: output)
    }
    #expect(kills >= 3)
  }

  /// Waits for a process that should end soon, and kills it if it does not.
  private func wait(for process: Process) {
    let deadline = Date(timeIntervalSinceNow: 60)
    while process.isRunning, Date() < deadline { usleep(10_000) }
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }

  /// SIGINT while standard input is idle, before or after a mebibyte of it was copied, ends the tool; with a file, what was
  /// done is kept.
  @Test(arguments: [0, 1 << 20]) func interruptedWhileIdle(copied: Int) throws {
    let folder = try TemporaryFolder()
    let pipe = Pipe()
    let arguments = ["-", "--format", "fvecs", "-o", folder.path("a.pqx")] + Self.flags
    let process = try startTool("pq-build", arguments, input: pipe)
    let deadline = Date(timeIntervalSinceNow: 60)
    if copied > 0 {
      let bytes = VectorBytes.fvecs(SeededVectors.floats(rows: 40_000, dimension: 8, seed: 4))
      #expect(bytes.count > copied && bytes.count < 2 * copied)
      try pipe.fileHandleForWriting.write(contentsOf: Data(bytes))
    }
    while (try? folder.read("a.pqx.work/spool").count) != copied, Date() < deadline { usleep(2_000) }
    process.interrupt()
    wait(for: process)
    #expect(process.terminationStatus == 130)
    #expect(try folder.names() == [])
    withExtendedLifetime(pipe) {}
  }

  /// Rows of standard input that were kept are those that were read, or none are gone on with.
  @Test func damagedSpool() throws {
    let folder = try TemporaryFolder()
    let bytes = VectorBytes.fvecs(SeededVectors.floats(rows: 20_000, dimension: 8, seed: 6))
    let flags = ["--nlist", "128", "--m", "2", "--nbits", "4", "--iterations", "200", "--quiet", "--threads", "2"]
    func build(_ name: String) -> [String] { ["-", "--format", "fvecs", "-o", folder.path(name)] + flags }
    #expect(try runTool("pq-build", build("whole.pqx"), input: bytes).exitCode == 0)
    // Interrupted as it trains.
    let pipe = Pipe()
    let process = try startTool("pq-build", build("a.pqx"), input: pipe)
    try pipe.fileHandleForWriting.write(contentsOf: Data(bytes))
    let deadline = Date(timeIntervalSinceNow: 60)
    let copied = bytes.count / (1 << 20) << 20
    while (try? folder.read("a.pqx.work/spool").count) != copied, Date() < deadline { usleep(500) }
    let before = try folder.read("a.pqx.work/journal").count
    try pipe.fileHandleForWriting.close()
    while (try? folder.read("a.pqx.work/journal").count) == before, Date() < deadline { usleep(500) }
    process.interrupt()
    wait(for: process)
    #expect(process.terminationStatus == 130)
    #expect(try folder.read("a.pqx.work/spool") == bytes)

    var other = bytes
    other[bytes.count / 2] ^= 1
    for (damage, message) in [
      (Array(bytes.dropLast(36 * 8000)), "expected \(bytes.count)"), (other, "is not what was read"),
    ] {
      try folder.write(damage, to: "a.pqx.work/spool")
      let refused = try runTool("pq-build", build("a.pqx") + ["--resume"])
      #expect(refused.exitCode == 65 && refused.errors.contains(message), "\(refused.errors)")
    }
    // What follows was not there when the spool was complete.
    try folder.write(bytes + bytes.prefix(360), to: "a.pqx.work/spool")
    let resumed = try runTool("pq-build", build("a.pqx") + ["--resume"])
    #expect(resumed.exitCode == 0, "\(resumed.errors)")
    let same = try folder.read("a.pqx") == folder.read("whole.pqx")
    #expect(same)
  }

  /// A stream that was encoded in part is expected again: the same goes on, another is refused.
  @Test func streamAgain() throws {
    let folder = try TemporaryFolder()
    let rows = SeededVectors.floats(rows: 60_000, dimension: 8, seed: 5)
    let bytes = VectorBytes.fvecs(rows)
    let input = try folder.write(bytes, to: "in.fvecs")
    let model = folder.path("model.pqx")
    #expect(try runTool("pq-build", ["train", input, "-o", model] + Self.flags).exitCode == 0)
    let encode = ["encode", "--model", model, "--quiet", "--threads", "2"]
    #expect(try runTool("pq-build", encode + [input, "-o", folder.path("whole.pqx")]).exitCode == 0)
    let stream = encode + ["-", "--format", "fvecs", "-o", folder.path("a.pqx")]

    // The stream stops after half of its rows, until the tool is interrupted.
    let pipe = Pipe()
    let process = try startTool("pq-build", stream, input: pipe)
    try pipe.fileHandleForWriting.write(contentsOf: Data(bytes.prefix(bytes.count / 2)))
    usleep(300_000)
    process.interrupt()
    wait(for: process)
    #expect(process.terminationStatus == 130)
    #expect(try folder.names().contains("a.pqx.work"))

    var other = bytes
    other[1000] ^= 1
    let refused = try runTool("pq-build", stream + ["--resume"], input: other)
    #expect(refused.exitCode == 65 && refused.errors.contains("are not those"), "\(refused.errors)")
    let fresh = try runTool("pq-build", stream, input: bytes)
    #expect(fresh.exitCode == 73, "\(fresh.errors)")
    let resumed = try runTool("pq-build", stream + ["--resume"], input: bytes)
    #expect(resumed.exitCode == 0, "\(resumed.errors)")
    let same = try folder.read("a.pqx") == folder.read("whole.pqx")
    #expect(same)
    #expect(try !folder.names().contains("a.pqx.work"))
  }

  /// A file size limit is a full disk: 74, nothing published, and with room the build goes on.
  @Test(.disabled(if: isSanitized, "the sanitizer does not live with the limit")) func noRoom() throws {
    let folder = try TemporaryFolder()
    let (input, expected) = try Self.expected(folder)
    for limit in [4096, 16_384, 24_576] {
      let output = folder.path("\(limit).pqx")
      let run = try runInstalled(
        "prlimit", ["--fsize=\(limit)", toolPath("pq-build"), input, "-o", output] + Self.flags)
      #expect(run.exitCode == 74, "\(limit): \(run.errors)")
      #expect(!FileManager.default.fileExists(atPath: output))
      let resumed = try runTool("pq-build", [input, "-o", output, "--resume"] + Self.flags)
      #expect(resumed.exitCode == 0, "\(limit): \(resumed.errors)")
      let same = try folder.read("\(limit).pqx") == expected
      #expect(same, "\(limit)")
    }
  }

  @Test func mergeTool() throws {
    let folder = try TemporaryFolder()
    let (input, expected) = try Self.expected(folder)
    let model = folder.path("whole.pqx")
    for rows in ["0:250", "250:500"] {
      let run = try runTool(
        "pq-build", ["encode", input, "--model", model, "--rows", rows, "-o", folder.path(rows + ".pqx"), "--quiet"])
      #expect(run.exitCode == 0, "\(run.errors)")
    }
    let merged = folder.path("merged.pqx")
    let run = try runTool(
      "pq-build", ["merge", folder.path("250:500.pqx"), folder.path("0:250.pqx"), "-o", merged, "--json", "--quiet"])
    #expect(run.exitCode == 0, "\(run.errors)")
    let same = try folder.read("merged.pqx") == expected
    #expect(same)
    #expect(try runTool("pq-build", ["merge", model, model, "-o", folder.path("x.pqx")]).exitCode == 65)
    #expect(try runTool("pq-build", ["merge", input, "-o", folder.path("x.pqx")]).exitCode == 65)
    #expect(try runTool("pq-build", ["merge", model, "-o", merged]).exitCode == 73)
    #expect(try runTool("pq-build", ["encode", input, "--model", input, "-o", folder.path("x.pqx")]).exitCode == 65)
    #expect(try runTool("pq-build", ["train", input, "-o", model] + Self.flags).exitCode == 73)
  }
}
