import ArgumentParser
import Foundation
import PQFormat
import PQSearch
import ToolSupport

/// One of several processes that map the same index: started by ``measure(count:index:_:_:)``, not by people.
///
/// It opens the index, searches every query, says so in a line, and waits for a line on standard input; then it prints
/// its memory, and waits for another line (or the end of its input) before it ends.
struct MappingProcess: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mapping-process", abstract: "One of the processes that pq-demo starts.", version: toolVersion,
    shouldDisplay: false)

  @Argument var index: String
  @Argument var queries: String
  @Option(name: .customShort("k")) var k: Int
  @Option var nprobe: Int

  func run() throws {
    try reportingFailures {
      let index = try Index(path: index)
      let dimension = index.parameters.dimension
      let vectors = try DataSet.readQueries(queries, dimension: dimension)
      var searcher = Searcher(index)
      var neighbors: [Neighbor] = []
      for first in stride(from: 0, to: vectors.count, by: dimension) {
        neighbors.removeAll(keepingCapacity: true)
        try searcher.search(
          vectors.span.extracting(first..<first + dimension), SearchOptions(k: k, nprobe: nprobe), into: &neighbors)
      }
      // The map must live while memory is counted, here and in the other processes.
      try withExtendedLifetime(index) {
        writeLine("ready")
        _ = readLine()
        writeLine(String(decoding: try JSONEncoder().encode(Memory(index: index.path)), as: UTF8.self))
        _ = readLine()
      }
    }
  }

  private func writeLine(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
  }

  /// The memory of one process in bytes. Pss counts a page that p processes share as 1/p.
  struct Memory: Codable {
    let rssBytes: UInt64
    let pssBytes: UInt64
    /// Of that, the pages of the index file.
    let indexRssBytes: UInt64
    let indexPssBytes: UInt64

    init(index: String) {
      rssBytes = ProcessMemory.mapped("Rss") ?? 0
      pssBytes = ProcessMemory.mapped("Pss") ?? 0
      indexRssBytes = ProcessMemory.mapped("Rss", of: index) ?? 0
      indexPssBytes = ProcessMemory.mapped("Pss", of: index) ?? 0
    }
  }
}

extension MappingProcess {
  /// Starts `count` processes that map and search `index`, and returns the memory of each while all are alive.
  static func measure(
    count: Int, index: String, _ data: DataSet, _ options: SearchOptions
  ) throws -> [Memory] {
    signal(SIGPIPE, SIG_IGN)  // a process that died is found by what it does not say
    let arguments = [
      "mapping-process", index, data.queryFile, "-k", "\(options.k)", "--nprobe", "\(options.nprobe ?? 1)",
    ]
    var children: [Child] = []
    defer { for child in children { child.end() } }
    for _ in 0..<count { children.append(try Child(arguments)) }
    for child in children { _ = try child.readLine() }
    // One after another: each counts while the others wait.
    return try children.map { child in
      child.send("measure")
      return try JSONDecoder().decode(Memory.self, from: try child.readLine())
    }
  }

  /// This program, once more, with pipes to it.
  private struct Child {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()

    init(_ arguments: [String]) throws(ToolFailure) {
      process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
      process.arguments = arguments
      process.standardInput = input
      process.standardOutput = output
      do { try process.run() } catch {
        throw ToolFailure(.inputOutput, "another process cannot be started: \(error.localizedDescription)")
      }
    }

    func send(_ line: String) { try? input.fileHandleForWriting.write(contentsOf: Data((line + "\n").utf8)) }

    func readLine() throws(ToolFailure) -> Data {
      var line = Data()
      while let byte = try? output.fileHandleForReading.read(upToCount: 1), let value = byte.first {
        if value == UInt8(ascii: "\n") { return line }
        line.append(value)
      }
      if Interruption.isRequested { throw ToolFailure(.interrupted, "interrupted") }
      throw ToolFailure(.inputOutput, "process \(process.processIdentifier) ended before it told its memory")
    }

    func end() {
      try? input.fileHandleForWriting.close()
      process.waitUntilExit()
    }
  }
}
