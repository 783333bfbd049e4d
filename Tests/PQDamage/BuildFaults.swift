internal import Foundation
internal import PQTestSupport

/// Builds under faults of the operating system, each at one call: the output must be absent, or the very bytes of an
/// undisturbed build, and a build after it must succeed.
public struct BuildFaults: ~Copyable {
  private let folder: TemporaryFolder
  private let input: String
  private let ids: String

  public private(set) var injected = 0
  public private(set) var absent = 0
  public private(set) var complete = 0
  /// What must not be: one line each.
  public private(set) var problems: [String] = []

  /// One index of each kind, with ids and compression among them.
  public static let builds: [[String]] = [
    ["--index", "ivfpq", "--nlist", "4", "--m", "4", "--nbits", "4", "--vectors", "u8", "--ids", "IDS"],
    ["--index", "flat"],
    ["--index", "pq", "--m", "2", "--nbits", "5", "--compression", "lz4"],
    ["--index", "ivfflat", "--nlist", "3", "--metric", "ip"],
  ]

  /// The errors (errno) that each group of calls meets; 0 is a short write, "on" a fault that stays.
  private static let faults: [(group: String, errors: [String])] = [
    ("write", ["28", "28:on", "5", "27", "122", "4", "0"]), ("read", ["5", "4"]), ("sync", ["5", "28"]),
    ("open", ["13", "24", "5", "4"]), ("name", ["5", "28", "13", "30"]), ("other", ["5", "12"]),
  ]

  /// - Throws: when Tests/faults.c cannot be compiled.
  public init() throws {
    let folder = try TemporaryFolder()
    let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("faults.c").path
    let compiled = try runInstalled("clang", ["-O1", "-shared", "-fPIC", source, "-o", folder.path("faults.so")])
    guard compiled.exitCode == 0 else { throw ToolRunError.timedOut(["clang", compiled.errors]) }
    let input = try folder.write(
      VectorBytes.bvecs(SeededVectors.bytes(rows: 300, dimension: 8, seed: 3)), to: "a.bvecs")
    let ids = try folder.write((0..<300).flatMap { [UInt8($0 & 255), UInt8($0 >> 8), 0, 0, 0, 0, 1, 0] }, to: "ids")
    self.input = input
    self.ids = ids
    self.folder = folder
  }

  private func build(_ flags: [String], environment: [String: String] = [:]) throws -> ToolRun {
    let flags = flags.map { $0 == "IDS" ? ids : $0 }
    return try runTool(
      "pq-build", [input, "-o", folder.path("out.pqx"), "--iterations", "2", "--quiet"] + flags,
      environment: environment)
  }

  private func shim(_ name: String, _ value: String) -> [String: String] {
    ["LD_PRELOAD": folder.path("faults.so"), name: value]
  }

  private var output: [UInt8]? { try? folder.read("out.pqx") }

  private func clear() {
    for name in (try? folder.names()) ?? [] where name.hasPrefix("out") {
      try? FileManager.default.removeItem(atPath: folder.path(name))
    }
  }

  /// Disturbs each call of each group, or every `step`th pair of call and error.
  public mutating func sweep(_ flags: [String], step: Int = 1) throws {
    clear()
    let counted = try build(flags, environment: shim("PQX_FAULT_COUNT", folder.path("counts")))
    guard counted.exitCode == 0, let sound = output else {
      problems.append("\(flags): exit \(counted.exitCode) without a fault: \(counted.errors)")
      return
    }
    var counts: [String: Int] = [:]
    for line in String(decoding: try folder.read("counts"), as: UTF8.self).split(separator: "\n") {
      let words = line.split(separator: " ")
      counts[String(words[0])] = Int(words[1])
    }
    try folder.write([], to: "counts")
    var pair = 0
    for (group, errors) in Self.faults {
      for call in 1...max(1, counts[group] ?? 0) {
        for error in errors {
          pair += 1
          if pair % step == 0 { try disturb(flags, "\(group):\(call):\(error)", sound) }
        }
      }
    }
  }

  private mutating func disturb(_ flags: [String], _ fault: String, _ sound: [UInt8]) throws {
    clear()
    let run = try build(flags, environment: shim("PQX_FAULT", fault))
    injected += 1
    judge(run, sound, "\(flags.joined(separator: " ")), \(fault)")
    guard output == nil else { return }
    let again = try build(flags + ["--force"])
    if again.exitCode != 0 || output != sound {
      problems.append("\(flags), after \(fault): exit \(again.exitCode): \(again.errors)")
    }
  }

  /// An output is the sound one's bytes, success has one, and a failure says so by an exit code of the contract.
  private mutating func judge(_ run: ToolRun, _ sound: [UInt8], _ what: String) {
    let found = output
    if found == nil { absent += 1 } else if found == sound { complete += 1 }
    if found != nil, found != sound {
      problems.append("\(what): an output with other bytes")
    } else if run.exitCode == 0 ? found == nil : ![65, 66, 73, 74].contains(run.exitCode) {
      problems.append("\(what): exit \(run.exitCode), output \(found == nil ? "absent" : "complete"): \(run.errors)")
    }
  }

  /// A limit of the output's length, RLIMIT_FSIZE, at lengths up to what a build needs.
  public mutating func limitFileSize(_ flags: [String], lengths: Int) throws {
    clear()
    guard try build(flags).exitCode == 0, let sound = output else { return problems.append("\(flags): no build") }
    let tool = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
      .appendingPathComponent("pq-build").path
    for i in 0..<lengths {
      clear()
      let limit = sound.count * i / lengths
      let run = try runInstalled(
        "prlimit",
        ["--fsize=\(limit)", tool, input, "-o", folder.path("out.pqx"), "--iterations", "2", "--quiet"]
          + flags.map { $0 == "IDS" ? ids : $0 })
      injected += 1
      judge(run, sound, "\(flags.joined(separator: " ")), files of at most \(limit) bytes")
    }
  }

  /// `builders` at once on one output: one or more succeed one after another, the others are told so at once.
  public mutating func race(_ flags: [String], builders: Int) throws {
    clear()
    guard try build(flags).exitCode == 0, let sound = output else { return problems.append("\(flags): no build") }
    clear()
    let tool = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    var processes: [Process] = []
    for _ in 0..<builders {
      let process = Process()
      process.executableURL = tool.appendingPathComponent("pq-build")
      process.arguments =
        [input, "-o", folder.path("out.pqx"), "--iterations", "2", "--quiet"] + flags.map { $0 == "IDS" ? ids : $0 }
      process.standardError = FileHandle.nullDevice
      try process.run()
      processes.append(process)
    }
    for process in processes { process.waitUntilExit() }
    let codes = processes.map(\.terminationStatus)
    injected += 1
    // 0 for the one that publishes; 75 while it is at work, 73 for those that come after it.
    if codes.count(where: { $0 == 0 }) != 1 || !codes.allSatisfy({ $0 == 0 || $0 == 73 || $0 == 75 }) {
      problems.append("\(builders) builders: exit codes \(codes.sorted())")
    }
    if output == sound { complete += 1 } else { problems.append("\(builders) builders: an output with other bytes") }
    if try folder.names().contains("out.pqx.work") { problems.append("\(builders) builders: a work folder is left") }
  }
}
