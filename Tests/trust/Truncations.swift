import ArgumentParser
import Foundation
import PQDamage
import PQFormat
import PQSearch
import PQStorage
import PQTestSupport

/// Files that are cut at a random moment while they are searched.
struct Truncations: ParsableCommand {
  @Option(help: "mapped, guarded or read. Mapped, the first trial ends the process with SIGBUS.")
  var access = "guarded"

  @Option
  var trials = 1000

  @Option
  var seed: UInt64 = 1

  @Flag(
    help: "Have a SIGBUS of another mapping: the handler that was there before the guard gets it, and exits with 42.")
  var elsewhere = false

  func run() throws {
    guard let access = FileAccess.allCases.first(where: { "\($0)" == access }) else {
      throw ValidationError("no such access: \(access)")
    }
    let golden = try GoldenFile("ivfpq-lz4.pqx")
    if elsewhere { try busErrorElsewhere(golden) }
    var random = SystemRandom(seed: seed)
    var (errors, pages, wrong, answers) = (0, 0, 0, 0)
    for _ in 0..<trials {
      let probe = try Probe(golden.bytes)
      let index = try Index(path: probe.path, access: access)
      let options = SearchOptions(k: 400, nprobe: 3, rerank: 400)
      let expected = try index.search(golden.queries, options).neighbors
      let (path, length, delay) = (
        probe.path, off_t(random.next() % UInt64(golden.bytes.count)), UInt32(random.next() % 4000)
      )
      let cutter = Thread {
        usleep(delay)
        // A C string that lives for the call.
        _ = unsafe truncate(path, length)
      }
      cutter.start()
      // Once it has failed, it fails for good.
      var failures = 0
      let deadline = Date(timeIntervalSinceNow: 10)
      while failures < 3, !(cutter.isFinished && access == .read), Date() < deadline {
        do throws(IndexError) {
          let found = try index.search(golden.queries, options).neighbors
          answers += 1
          if found != expected || failures > 0 { wrong += 1 }
        } catch {
          if case .file(let error) = error {
            failures += 1
            if failures == 1, error.call == "mmap" { pages += 1 }
          } else {
            wrong += 1
          }
        }
      }
      if failures == 3 { errors += 1 }
    }
    try summary(
      "truncations \(access)", trials: trials, failures: wrong + (access == .guarded ? trials - errors : 0),
      "\(errors) errors, \(pages) by SIGBUS, \(answers) answers before, \(wrong) wrong")
  }

  /// A SIGBUS outside every guarded range, under a handler that was installed before the guard.
  private func busErrorElsewhere(_ golden: GoldenFile) throws {
    var action = sigaction()
    unsafe action.__sigaction_handler.sa_handler = { _ in _exit(42) }
    guard unsafe sigaction(SIGBUS, &action, nil) == 0 else { throw ValidationError("no handler for SIGBUS") }
    let probe = try Probe(golden.bytes)
    let index = try Index(path: probe.path, access: .guarded)
    let file = unsafe open(probe.path, O_RDWR)
    // Beyond the end of the file there is no page.
    let map = unsafe mmap(nil, 1 << 20, PROT_READ, MAP_SHARED, file, 0)
    print(unsafe map?.load(fromByteOffset: 1 << 19, as: UInt8.self) ?? 0, index.path)
  }
}

/// Seeded numbers: SplitMix64 is the library's, and this tool imports what it shows alone.
private struct SystemRandom: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 32
  }
}
