import Foundation
import PQTestSupport
import Testing

/// Many processes on one file: half of them are killed, and the others notice nothing.
@Suite struct ManyReadersTests {
  private static let readers = 64

  /// A file of /proc, which has no length: each read(2) gives what the kernel has ready, until one gives nothing.
  private static func procFile(_ process: Process, _ name: String) throws -> String {
    let path = "/proc/\(process.processIdentifier)/\(name)"
    let handle = try #require(FileHandle(forReadingAtPath: path))
    var data = Data()
    while let part = try handle.read(upToCount: 1 << 16), !part.isEmpty { data += part }
    return String(decoding: data, as: UTF8.self)
  }

  /// Bytes of the index's mapping in one process, from /proc/PID/smaps. PSS is rounded down to 1 kB.
  private static func mapping(of process: Process, file: String) throws -> (rss: Int, pss: Int, privateDirty: Int) {
    let text = try procFile(process, "smaps")
    var (inside, rss, pss, dirty) = (false, 0, 0, 0)
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      if let range = words.first, range.contains("-"), !range.hasSuffix(":") { inside = line.hasSuffix(file) }
      guard inside, words.count > 1, let kilobytes = Int(words[1]) else { continue }
      if words[0] == "Rss:" { rss += kilobytes * 1024 }
      if words[0] == "Pss:" { pss += kilobytes * 1024 }
      if words[0] == "Private_Dirty:" { dirty += kilobytes * 1024 }
    }
    return (rss, pss, dirty)
  }

  /// PSS of a whole process in bytes.
  private static func totalPSS(_ process: Process) throws -> Int {
    let text = try procFile(process, "smaps_rollup")
    let line = text.split(separator: "\n").first { $0.hasPrefix("Pss:") }
    return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
  }

  private static func isAsleep(_ process: Process) -> Bool {
    guard let text = try? procFile(process, "stat") else { return false }
    return text.split(separator: ")").last?.split(separator: " ").first == "S"
  }

  @Test func halfAreKilled() throws {
    let folder = try TemporaryFolder()
    let rows = SeededVectors.floats(rows: 600, dimension: 8, seed: 5)
    let base = try folder.write(VectorBytes.fvecs(rows), to: "base.fvecs")
    let index = folder.path("a.pqx")
    let flags = ["--nlist", "8", "--m", "4", "--nbits", "4", "--iterations", "2", "--quiet"]
    #expect(try runTool("pq-build", [base, "-o", index] + flags).exitCode == 0)
    let before = try folder.read("a.pqx")
    let search = [index, base, "-k", "40", "--nprobe", "8", "--limit", "200", "--threads", "1"]
    let expected = try runTool("pq-search", search, timeout: 60).output
    // More than a pipe holds: a reader that has searched waits for its results to be taken, with the index mapped.
    #expect(expected.count > 1 << 16)

    var processes: [(process: Process, pipe: Pipe)] = []
    for _ in 0..<Self.readers {
      let pipe = Pipe()
      processes.append((try startTool("pq-search", search, output: pipe), pipe))
    }
    let deadline = Date(timeIntervalSinceNow: 120)
    var quiet = 0
    while quiet < 5, Date() < deadline {  // asleep five times in a row: waiting for the pipe, not for a page
      usleep(100_000)
      quiet = processes.allSatisfy { Self.isAsleep($0.process) } ? quiet + 1 : 0
    }
    var (pss, dirty, total) = (0, 0, 0)
    for (process, _) in processes {
      let own = try Self.mapping(of: process, file: "/a.pqx")
      #expect(own.rss > 0, "the index is mapped")
      pss += own.pss
      dirty += own.privateDirty
      total += try Self.totalPSS(process)
    }
    #expect(pss <= before.count + 4096, "the mappings add up to one copy of the file")
    #expect(dirty == 0)
    // A sanitizer's shadow memory is many times the process's own.
    if !isSanitized { #expect(total <= before.count + Self.readers * 8 << 20) }

    for (i, reader) in processes.enumerated() where i % 2 == 1 { kill(reader.process.processIdentifier, SIGKILL) }
    for (i, reader) in processes.enumerated() where i % 2 == 0 {
      let output = try reader.pipe.fileHandleForReading.readToEnd() ?? Data()
      reader.process.waitUntilExit()
      #expect(reader.process.terminationStatus == 0 && Array(output) == expected, "reader \(i)")
    }
    #expect(try folder.read("a.pqx") == before)
  }
}
