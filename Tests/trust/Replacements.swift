import ArgumentParser
import Foundation
import PQDamage
import PQFormat
import PQSearch
import PQTestSupport

/// An index that is replaced by rename(2) again and again, and at last deleted, under processes that open and search it.
struct Replacements: ParsableCommand {
  @Option
  var count = 10_000

  @Option
  var readers = 16

  func run() throws {
    let folder = try TemporaryFolder()
    let versions = try Versions()
    let path = try folder.write(versions.files[0].bytes, to: "index.pqx")
    let stop = folder.path("stop")
    var processes: [(process: Process, pipe: Pipe)] = []
    for _ in 0..<readers {
      let (process, pipe) = (Process(), Pipe())
      process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
      process.arguments = ["replaced-reader", path, stop]
      process.standardOutput = pipe
      try process.run()
      processes.append((process, pipe))
    }
    for i in 0..<count {
      let next = try folder.write(versions.files[(i + 1) % 2].bytes, to: "next.pqx")
      // C strings that live for the call.
      guard unsafe rename(next, path) == 0 else { throw ValidationError("rename failed") }
    }
    // What is open stays readable without a name.
    _ = unsafe unlink(path)
    usleep(200_000)
    try folder.write([], to: "stop")
    var (answers, wrong, unfinished) = (0, 0, 0)
    for (process, pipe) in processes {
      let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      let numbers = text.split(separator: " ").compactMap { Int($0.trimmingCharacters(in: .newlines)) }
      if process.terminationStatus != 0 || numbers.count != 2 { unfinished += 1 }
      answers += numbers.first ?? 0
      wrong += numbers.last ?? 0
    }
    try summary(
      "replacements under \(readers) readers", trials: count, failures: wrong + unfinished,
      "\(answers) answers, \(wrong) of neither version, \(unfinished) readers that did not finish")
  }
}

/// Two indexes of the same dimension, and what each gives for the same queries.
struct Versions {
  let files: [GoldenFile]
  let answers: [[Neighbor]]

  init() throws {
    files = try ["ivfpq-l2-8.pqx", "ivfpq-lz4.pqx"].map { try GoldenFile($0) }
    let queries = files[0].queries
    answers = try files.map { file in
      let probe = try Probe(file.bytes)
      return try Index(path: probe.path).search(queries, Self.options).neighbors
    }
  }

  static let options = SearchOptions(k: 50, nprobe: 3, rerank: 50)
}

/// One of the readers: opens the file again and again, and searches what it has opened a few times each.
struct ReplacedReader: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "replaced-reader", shouldDisplay: false)

  @Argument
  var path: String

  @Argument
  var stop: String

  func run() throws {
    let versions = try Versions()
    let queries = versions.files[0].queries
    var (answers, wrong) = (0, 0)
    var held: (index: Index, answer: [Neighbor])?
    while !FileManager.default.fileExists(atPath: stop) {
      do throws(IndexError) {
        let index = try Index(path: path)
        let first = try index.search(queries, Versions.options).neighbors
        if !versions.answers.contains(first) { wrong += 1 }
        // An open index stays the version that it is.
        if try index.search(queries, Versions.options).neighbors != first { wrong += 1 }
        if let held, try held.index.search(queries, Versions.options).neighbors != held.answer { wrong += 1 }
        answers += held == nil ? 2 : 3
        if answers % 100 < 3 { held = (index, first) }
      } catch {
        // Only a deleted file cannot be opened.
        guard error.kind == .noInput else {
          wrong += 1
          continue
        }
        if let held {
          answers += 1
          if try held.index.search(queries, Versions.options).neighbors != held.answer { wrong += 1 }
        }
      }
    }
    print(answers, wrong)
  }
}

/// An index whose bytes are overwritten in place while it is searched: no result is right or wrong, but every call
/// returns. Under AddressSanitizer, nothing is read outside either.
struct Scribbles: ParsableCommand {
  @Option
  var seconds = 5.0

  @Option
  var seed: UInt64 = 1

  func run() throws {
    let names = ["ivfpq-lz4.pqx", "ivfpq-4.pqx", "ivfpq-10.pqx", "pq-ids.pqx", "pq-13.pqx", "flat-f32.pqx"]
    var searches = 0
    for name in names {
      let golden = try GoldenFile(name)
      let probe = try Probe(golden.bytes)
      let start = Date()
      let path = probe.path
      let bytes = golden.bytes
      let seed = seed
      let writer = Thread {
        guard let file = FileHandle(forUpdatingAtPath: path) else { return }
        var random = seed
        while !Thread.current.isCancelled {
          random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          let offset = 4096 + Int(random >> 33) % (bytes.count - 4096)
          // Mostly a wrong byte, now and then all the right ones, so that files open and frames pass their checks.
          try? file.seek(toOffset: random >> 20 & 63 == 0 ? 0 : UInt64(offset))
          try? file.write(contentsOf: random >> 20 & 63 == 0 ? bytes : [UInt8(truncatingIfNeeded: random >> 8)])
        }
      }
      writer.start()
      while -start.timeIntervalSinceNow < seconds / Double(names.count) {
        guard let index = try? Index(path: path, access: searches % 3 == 0 ? .guarded : .mapped) else { continue }
        for _ in 0..<20 {
          _ = try? index.search(golden.queries, SearchOptions(k: 100, nprobe: 8))
          searches += 1
        }
        _ = index.verify(deep: true)
      }
      writer.cancel()
      while !writer.isFinished { usleep(1000) }
    }
    try summary("scribbles", trials: searches, failures: 0, "searches of files that were being overwritten")
  }
}
