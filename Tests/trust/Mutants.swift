import ArgumentParser
import Formats
import Foundation
import PQDamage
import PQFormat
import PQSearch
import PQStorage

/// Mutants with right checksums: opened, searched, verified and inspected. A crash ends the process; `--from` and
/// `--count 1` repeat the mutant that `FILE.number` names.
struct Mutants: ParsableCommand {
  @Option(help: "The seed, and which mutants of it.")
  var seed: UInt64 = 1

  @Option
  var from: UInt64 = 0

  @Option
  var count: UInt64 = 100_000

  @Option(help: "Stop after so many seconds.")
  var seconds = Double.infinity

  @Option(
    help: "MiB that may be allocated beyond what the process has at its start and twice the largest file: RLIMIT_DATA.")
  var allocation: UInt64 = 16

  @Option(help: "MiB to allocate, to see that the limit holds.")
  var waste = 0

  func run() throws {
    let mutator = Mutator(try (GoldenFiles.valid + GoldenFiles.olderValid).map { try GoldenFile($0) }, seed: seed)
    // Whatever is allocated once is there before the limit.
    let warm = mutator.mutant(from)
    Exercise.run(MemoryFile(warm.bytes.rawSpan), queries: warm.file.queries, random: .max)
    try limitData(allocation << 20 + 2 << 16)
    if waste > 0 { _ = [UInt8](repeating: 1, count: waste << 20) }
    let start = Date()
    var (done, opened, searched) = (UInt64(0), 0, 0)
    while done < count, done % 256 != 0 || -start.timeIntervalSinceNow < seconds {
      let mutant = mutator.mutant(from + done)
      let file = MemoryFile(mutant.bytes.rawSpan)
      let outcome = Exercise.run(file, queries: mutant.file.queries, random: mutant.random)
      opened += outcome.opened ? 1 : 0
      searched += outcome.searched ? 1 : 0
      done += 1
    }
    try summary(
      "mutants seed \(seed) from \(from)", trials: Int(done), failures: 0, "\(opened) opened, \(searched) searched")
  }
}

/// Opens, searches, verifies and inspects one file under the same limit.
struct Allocation: ParsableCommand {
  @Argument(help: "An index file.")
  var index: String

  func run() throws {
    // Whatever is allocated once is there before the limit.
    let golden = try GoldenFile("pq-8.pqx")
    Exercise.run(MemoryFile(golden.bytes.rawSpan), queries: golden.queries, random: .max)
    try limitData(16 << 20 + 2 * UInt64(try Index(path: index).fileBytes))
    let outcome = Exercise.run(try Index(path: index), queries: golden.queries, random: .max)
    try summary("allocation \(index)", trials: 1, failures: outcome ? 0 : 1, "\(outcome ? 1 : 0) searched")
  }
}

/// Lets the process allocate `bytes` more than it has: heap, stacks and private writable maps.
private func limitData(_ bytes: UInt64) throws {
  let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
  guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmData:") }),
    let kilobytes = UInt64(line.split(whereSeparator: { $0 == " " || $0 == "\t" })[1])
  else { throw ValidationError("no VmData in /proc/self/status") }
  var limit = rlimit(rlim_cur: rlim_t(kilobytes << 10 + bytes), rlim_max: rlim_t(kilobytes << 10 + bytes))
  guard unsafe setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limit) == 0 else {
    throw ValidationError("RLIMIT_DATA cannot be set")
  }
}
