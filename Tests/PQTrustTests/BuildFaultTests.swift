import Formats
import Foundation
import PQDamage
import PQTestSupport
import Testing

/// FAULTS: an output is absent or sound, whatever the operating system refuses. `trust faults` is the long form.
@Suite struct BuildFaultTests {
  @Test(.disabled(if: isSanitized)) func someFaults() throws {
    var faults = try BuildFaults()
    for build in BuildFaults.builds { try faults.sweep(build, step: 23) }
    for part in BuildFaults.parts { try faults.sweep(part, step: 181) }
    #expect(faults.injected > 30 && faults.absent > 0 && faults.complete > 0)
    #expect(faults.problems == [])
  }

  /// Results that a full disk loses are a failure, and so are diagnostics that nobody gets.
  @Test func fullStandardOutput() throws {
    let index = GoldenFiles.folder + "/ivfpq-4.pqx"
    let folder = try TemporaryFolder()
    let base = try folder.write(VectorBytes.bvecs(SeededVectors.bytes(rows: 9, dimension: 4, seed: 1)), to: "a.bvecs")
    let output = ["-o", folder.path("a.pqx"), "--force", "--json"]
    for arguments in [
      ["pq-inspect", index], ["pq-inspect", index, "--json"], ["pq-inspect", index, "lists"],
      ["pq-build", base, "--index", "flat"] + output, ["pq-build", "merge", index] + output,
    ] {
      let command = [toolPath(arguments[0])] + arguments[1...]
      let run = try runInstalled("sh", ["-c", "exec \"$@\" > /dev/full", "sh"] + command)
      #expect(run.exitCode == 74 && run.errors.contains("standard output"), "\(run.errors)")
      let silent = try runInstalled("sh", ["-c", "exec \"$@\" > /dev/full 2>&1", "sh"] + command)
      #expect(silent.exitCode == 74)
    }
  }

  /// A pipe that does not block refuses what its reader has no room for, and takes what comes after: what is lost in the
  /// middle is a failure, too.
  @Test func outputLostInTheMiddle() throws {
    let folder = try TemporaryFolder()
    let rows = SeededVectors.floats(rows: 4000, dimension: 64, seed: 1)
    let base = try folder.write(VectorBytes.fvecs(rows), to: "a.fvecs")
    var failures = 0
    for delay in [20_000, 100_000, 500_000] as [UInt32] {
      let pipe = Pipe()
      #expect(fcntl(pipe.fileHandleForWriting.fileDescriptor, F_SETFL, O_NONBLOCK) == 0)
      let process = try startTool("pq-data", ["head", base, "-n", "4000"], output: pipe)
      try pipe.fileHandleForWriting.close()
      // Once it is full, the tool goes on without waiting.
      let deadline = Date(timeIntervalSinceNow: 60)
      var waiting: Int32 = 0
      while waiting < 1 << 16, process.isRunning, Date() < deadline {
        _ = unsafe ioctl(pipe.fileHandleForReading.fileDescriptor, UInt(FIONREAD), &waiting)
        usleep(1000)
      }
      usleep(delay)
      let lines = try pipe.fileHandleForReading.readToEnd()?.count { $0 == UInt8(ascii: "\n") } ?? 0
      process.waitUntilExit()
      #expect(process.terminationStatus == (lines > rows.count ? 0 : 74), "\(lines) lines")
      failures += process.terminationStatus == 0 ? 0 : 1
    }
    #expect(failures > 0, "the pipe took all")
  }

  @Test(.disabled(if: isSanitized)) func limitedFileSize() throws {
    var faults = try BuildFaults()
    try faults.limitFileSize(BuildFaults.builds[0], lengths: 4)
    #expect(faults.absent == 4)
    #expect(faults.problems == [])
  }

  /// `trust kills` is the long form; KillTests of PQToolTests has a kill at each call.
  @Test(.disabled(if: isSanitized)) func someKills() throws {
    var kills = try BuildKills(seed: 3)
    try kills.run(6, again: false)
    try kills.run(4, again: true)
    #expect(kills.kills == 10 && kills.resumed > 0)
    #expect(kills.problems == [])
  }

  @Test(.disabled(if: isSanitized)) func sixteenBuilders() throws {
    var faults = try BuildFaults()
    try faults.race(BuildFaults.builds[0], builders: 16)
    #expect(faults.problems == [])
  }
}
