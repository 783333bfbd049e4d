import Foundation
import PQTestSupport
import Testing

/// pq-build reading a stream.
@Suite struct StandardInputTests {
  /// A stream gives the bytes that the file gives; what is chosen by the number of rows is not judged by the first ones.
  @Test(
    arguments: [
      "--nlist 8 --m 4 --nbits 4", "--train-size 150 --target-bytes 40", "--nbits 4 --groups 5",
      "--index ivfflat --train-size 90", "--index pq --nbits 4 --ids", "--index flat",
    ], ["fvecs", "fbin"])
  func standardInput(_ options: String, format: String) throws {
    let folder = try TemporaryFolder()
    let rows = ToolTests.rows
    let bytes =
      format == "fvecs"
      ? VectorBytes.fvecs(rows)
      : VectorBytes.counted(
        rows: UInt32(rows.count), dimension: UInt32(rows[0].count),
        rows.flatMap { $0.flatMap { VectorBytes.bytes($0) } })
    let base = try folder.write(bytes, to: "base.\(format)")
    let training = options == "--index flat" ? [] : ["--iterations", "3"]
    var flags = ["--quiet"] + training + options.split(separator: " ").map(String.init)
    if options.hasSuffix("--ids") {
      flags.append(try folder.write(rows.indices.flatMap { VectorBytes.bytes(UInt64($0 * 3)) }, to: "ids"))
    }
    let file = try runTool("pq-build", [base, "-o", folder.path("file.pqx")] + flags)
    #expect(file.exitCode == 0, "\(file.errors)")
    let piped = try runTool(
      "pq-build", ["-", "--format", format, "-o", folder.path("pipe.pqx")] + flags, input: bytes)
    #expect(piped.exitCode == 0, "\(piped.errors)")
    #expect(try folder.read("file.pqx") == folder.read("pipe.pqx"))
  }

  /// What the header of a stream, or its first dimension, tells is refused before the rest is read; and damage is that of the
  /// stream.
  @Test func refusalsOfStandardInput() throws {
    let folder = try TemporaryFolder()
    let bytes = VectorBytes.fvecs(ToolTests.rows)
    let copies = (2 << 20) / bytes.count + 1
    let base = try folder.write((0..<copies).flatMap { _ in bytes }, to: "base.fvecs")
    let (tool, rest) = (toolPath("pq-build"), folder.path("rest"))
    for (flags, message) in [
      ("--m 3", "does not divide"), ("--nbits 17", "is not supported"), ("--memory 1000", "too small"),
      ("--nlist 3 --groups 4", "of 3 lists"), ("--vectors u8", "needs u8 or i8"),
    ] {
      let build = "'\(tool)' - --format fvecs -o '\(folder.path("a.pqx"))' --quiet \(flags)"
      let command = "exec < '\(base)'; \(build); code=$?; cat > '\(rest)'; exit $code"
      let run = try runInstalled("sh", ["-c", command])
      #expect(run.exitCode == 64 && run.errors.contains(message), "\(flags): \(run.errors)")
      #expect(try folder.read("rest").count == copies * bytes.count - 1 << 20, "\(flags)")
      #expect(!FileManager.default.fileExists(atPath: folder.path("a.pqx.work")))
    }
    for cut in [0, 3, bytes.count - 1] {
      let run = try runTool(
        "pq-build", ["-", "--format", "fvecs", "-o", folder.path("a.pqx"), "--quiet"] + ToolTests.flags,
        input: Array(bytes[..<cut]))
      #expect(run.exitCode == 65 && run.errors.hasPrefix("pq-build: standard input: "), "\(cut): \(run.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder.path("a.pqx.work")))
    }
  }

  /// Rows of a stream are the rows of the file; those before them are read past.
  @Test func rowsOfStandardInput() throws {
    let folder = try TemporaryFolder()
    let bytes = VectorBytes.fvecs(ToolTests.rows)
    let base = try folder.write(bytes, to: "base.fvecs")
    let model = folder.path("model.pqx")
    #expect(try runTool("pq-build", ["train", base, "-o", model, "--quiet"] + ToolTests.flags).exitCode == 0)
    func encode(_ input: String, _ rows: String, _ output: String) throws -> ToolRun {
      try runTool(
        "pq-build",
        ["encode", input, "--format", "fvecs", "--model", model, "--rows", rows, "-o", folder.path(output), "--quiet"],
        input: bytes)
    }
    #expect(try encode(base, "30:90", "file.pqx").exitCode == 0)
    #expect(try encode("-", "30:90", "pipe.pqx").exitCode == 0)
    #expect(try folder.read("file.pqx") == folder.read("pipe.pqx"))
    #expect(try encode("-", "0:18446744073709551615", "none.pqx").exitCode == 65)
    let ids = try folder.write((0..<50).flatMap { VectorBytes.bytes(UInt64($0)) }, to: "ids")
    let flags = ["--format", "fvecs", "--model", model, "-o", folder.path("none.pqx"), "--quiet"]
    let short = try runTool("pq-build", ["encode", "-", "--rows", "100:200", "--ids", ids] + flags, input: bytes)
    #expect(short.exitCode == 65 && short.errors.contains("50 ids"), "\(short.errors)")
    let last = try runTool("pq-build", ["encode", "-", "--first-id", "18446744073709551614"] + flags, input: bytes)
    #expect(last.exitCode == 64 && last.errors.contains("no room for the ids"), "\(last.errors)")
    let both = try runTool("pq-build", ["encode", "-", "--first-id", "500", "--ids", ids] + flags, input: bytes)
    #expect(both.exitCode == 64 && both.errors.contains("exclude each other"), "\(both.errors)")
    let beyond = try encode("-", "500:600", "none.pqx")
    #expect(beyond.exitCode == 64)
    #expect(beyond.errors.contains("row 500 was asked for, but it has 400 rows"))
  }

  /// What is wrong with rows is said while the stream waits for more.
  @Test func badRowsOfAnIdleStream() throws {
    let folder = try TemporaryFolder()
    var rows = SeededVectors.floats(rows: 5000, dimension: 4, seed: 7)  // more than a chunk
    rows[17][2] = 70_000
    let input = Pipe()
    let flags = ["--format", "fvecs", "--index", "flat", "--vectors", "f16", "--threads", "2", "--quiet"]
    let build = try startTool("pq-build", ["-", "-o", folder.path("a.pqx")] + flags, input: input)
    try input.fileHandleForWriting.write(contentsOf: VectorBytes.fvecs(rows))
    let deadline = Date(timeIntervalSinceNow: 60)
    while build.isRunning, Date() < deadline { usleep(5_000) }
    #expect(!build.isRunning)
    try input.fileHandleForWriting.close()
    build.waitUntilExit()
    #expect(build.terminationStatus == 65)
  }
}
