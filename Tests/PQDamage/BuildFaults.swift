internal import Foundation
internal import PQTestSupport

/// Builds under faults of the operating system, each at one call: the output must be absent, or the very bytes of an
/// undisturbed build, and a build after it must succeed.
public struct BuildFaults: ~Copyable {
  private let folder: TemporaryFolder
  private let input: [UInt8]

  public private(set) var injected = 0
  public private(set) var absent = 0
  public private(set) var complete = 0
  /// What must not be: one line each.
  public private(set) var problems: [String] = []

  /// A way to make an output. Words in capitals are files that ``init()`` makes.
  public struct Scenario: Sendable {
    public let name: String
    fileprivate let arguments: [String]
    /// A work folder of an interrupted build of the same output, which is gone on with.
    fileprivate var interrupted: String?
    fileprivate var readsInput = false
    fileprivate var resumes: Bool { arguments[0] != "merge" }
  }

  /// One index of each kind, with ids and compression among them.
  public static let builds: [Scenario] = [
    Scenario(
      name: "ivfpq",
      arguments: [
        "SMALL", "--nlist", "4", "--m", "4", "--nbits", "4", "--vectors", "u8", "--ids", "IDS", "--iterations", "2",
      ]),
    Scenario(name: "flat", arguments: ["SMALL", "--index", "flat"]),
    Scenario(
      name: "pq",
      arguments: ["SMALL", "--index", "pq", "--m", "2", "--nbits", "5", "--compression", "lz4", "--iterations", "2"]),
    Scenario(
      name: "ivfflat",
      arguments: ["SMALL", "--index", "ivfflat", "--nlist", "3", "--metric", "ip", "--iterations", "2"]),
  ]

  /// The parts of a build that is divided or was interrupted, and one whose files are larger than a buffer.
  public static let parts: [Scenario] = [
    Scenario(name: "large", arguments: ["LARGE"] + quantizers),
    Scenario(name: "standard input", arguments: ["-", "--format", "bvecs"] + quantizers, readsInput: true),
    Scenario(name: "train", arguments: ["train", "SMALL"] + quantizers),
    Scenario(name: "encode", arguments: ["encode", "LARGE", "--model", "MODEL", "--rows", "100:9000"]),
    Scenario(name: "merge", arguments: ["merge", "SHARD1", "SHARD2"]),
    Scenario(name: "resume, trained", arguments: ["LARGE", "--resume"] + quantizers, interrupted: "TRAINED"),
    Scenario(name: "resume, encoded", arguments: ["LARGE", "--resume"] + quantizers, interrupted: "ENCODED"),
    Scenario(name: "resume, written", arguments: ["LARGE", "--resume"] + quantizers, interrupted: "WRITTEN"),
  ]

  private static let quantizers = [
    "--nlist", "4", "--m", "4", "--nbits", "4", "--vectors", "u8", "--iterations", "2", "--train-size", "300",
    "--threads", "2",
  ]

  /// The errors (errno) that each group of calls meets; 0 is a short write, "on" a fault that stays.
  private static let faults: [(group: String, errors: [String])] = [
    ("write", ["28", "28:on", "5", "27", "122", "4", "0"]), ("read", ["5", "4"]), ("sync", ["5", "28", "4"]),
    ("open", ["13", "24", "5", "4"]), ("name", ["5", "28", "13", "30"]), ("other", ["5", "12", "4"]),
  ]

  /// - Throws: when Tests/faults.c cannot be compiled. A build without faults that fails is a problem.
  public init() throws {
    let folder = try TemporaryFolder()
    let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("faults.c").path
    let compiled = try runInstalled("clang", ["-O1", "-shared", "-fPIC", source, "-o", folder.path("faults.so")])
    guard compiled.exitCode == 0 else { throw ToolRunError.timedOut(["clang", compiled.errors]) }
    let input = VectorBytes.bvecs(SeededVectors.bytes(rows: 300, dimension: 8, seed: 3))
    try folder.write(input, to: "SMALL.bvecs")
    try folder.write(VectorBytes.bvecs(SeededVectors.bytes(rows: 20_000, dimension: 8, seed: 4)), to: "LARGE.bvecs")
    try folder.write((0..<300).flatMap { [UInt8($0 & 255), UInt8($0 >> 8), 0, 0, 0, 0, 1, 0] }, to: "IDS")
    self.input = input
    self.folder = folder
    do { try prepare() } catch { problems.append("preparing: \(error)") }
  }

  /// Makes the model, the shards, and the work folders of builds that were killed.
  private func prepare() throws {
    func make(_ arguments: [String], _ output: String, killed: String? = nil) throws {
      let run = try runTool(
        "pq-build", words(arguments) + ["-o", folder.path(output), "--quiet"],
        environment: killed.map { shim("PQX_FAULT", $0) } ?? [:])
      guard killed == nil ? run.exitCode == 0 : run.exitCode == SIGKILL else {
        throw ToolRunError.timedOut(arguments + ["exit \(run.exitCode)", run.errors])
      }
    }
    try make(["train", "LARGE"] + Self.quantizers, "MODEL")
    for (shard, rows) in [("SHARD1", "0:8000"), ("SHARD2", "8000:20000")] {
      try make(["encode", "LARGE", "--model", "MODEL", "--rows", rows], shard)
    }
    // Of the calls that make something durable, the last is that of the published name, and the one before says in the
    // journal that the file is finished; in the middle, the model is done.
    let syncs = try callCounts(Self.parts[0])["sync"] ?? 1
    for (name, call) in [("TRAINED", syncs / 2), ("ENCODED", 3 * syncs / 4), ("WRITTEN", syncs - 1)] {
      try make(Self.parts[0].arguments, "out.pqx", killed: "sync:\(max(1, call)):-1")
      try FileManager.default.moveItem(atPath: folder.path("out.pqx.work"), toPath: folder.path(name))
    }
  }

  /// The calls of each group in a build without a fault.
  private func callCounts(_ scenario: Scenario) throws -> [String: Int] {
    try begin(scenario)
    _ = try build(scenario, environment: shim("PQX_FAULT_COUNT", folder.path("counts")))
    var counts: [String: Int] = [:]
    for line in String(decoding: try folder.read("counts"), as: UTF8.self).split(separator: "\n") {
      let words = line.split(separator: " ")
      counts[String(words[0])] = Int(words[1])
    }
    try FileManager.default.removeItem(atPath: folder.path("counts"))
    clear()
    return counts
  }

  private func words(_ arguments: [String]) -> [String] {
    arguments.map { word in
      switch word {
      case "SMALL", "LARGE": folder.path(word + ".bvecs")
      case "IDS", "MODEL", "SHARD1", "SHARD2": folder.path(word)
      default: word
      }
    }
  }

  private func build(
    _ scenario: Scenario, flags: [String] = [], environment: [String: String] = [:]
  ) throws -> ToolRun {
    try runTool(
      "pq-build", words(scenario.arguments) + ["-o", folder.path("out.pqx"), "--quiet"] + flags,
      input: scenario.readsInput ? input : [], environment: environment)
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

  /// Puts everything where it is before a build.
  private func begin(_ scenario: Scenario) throws {
    clear()
    guard let interrupted = scenario.interrupted else { return }
    try FileManager.default.copyItem(atPath: folder.path(interrupted), toPath: folder.path("out.pqx.work"))
  }

  /// The output of a build that nothing disturbs; nil, and a problem, if there is none.
  private mutating func soundOutput(_ scenario: Scenario) throws -> [UInt8]? {
    try begin(scenario)
    let run = try build(scenario)
    if run.exitCode == 0, let sound = output { return sound }
    problems.append("\(scenario.name): exit \(run.exitCode) without a fault: \(run.errors)")
    return nil
  }

  /// Disturbs each call of each group, or every `step`th pair of call and error.
  public mutating func sweep(_ scenario: Scenario, step: Int = 1) throws {
    guard let sound = try soundOutput(scenario) else { return }
    let counts = try callCounts(scenario)
    var pair = 0
    for (group, errors) in Self.faults {
      for call in 1...max(1, counts[group] ?? 0) {
        for error in errors {
          pair += 1
          if pair % step == 0 { try disturb(scenario, "\(group):\(call):\(error)", sound, resuming: pair % 2 == 0) }
        }
      }
    }
  }

  /// - Parameter resuming: whether the build after the fault goes on with what is left, or begins anew.
  private mutating func disturb(_ scenario: Scenario, _ fault: String, _ sound: [UInt8], resuming: Bool) throws {
    try begin(scenario)
    let run = try build(scenario, environment: shim("PQX_FAULT", fault))
    injected += 1
    judge(run, sound, "\(scenario.name), \(fault)")
    guard output == nil else { return }
    let resumes = scenario.resumes && resuming
    let again = try build(scenario, flags: scenario.interrupted != nil ? [] : [resumes ? "--resume" : "--force"])
    if again.exitCode != 0 || output != sound {
      problems.append("\(scenario.name), after \(fault): exit \(again.exitCode): \(again.errors)")
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
  public mutating func limitFileSize(_ scenario: Scenario, lengths: Int) throws {
    guard let sound = try soundOutput(scenario) else { return }
    for i in 0..<lengths {
      try begin(scenario)
      let limit = sound.count * i / lengths
      let run = try runInstalled(
        "prlimit",
        ["--fsize=\(limit)", toolPath("pq-build")] + words(scenario.arguments)
          + ["-o", folder.path("out.pqx"), "--quiet"])
      injected += 1
      judge(run, sound, "\(scenario.name), files of at most \(limit) bytes")
    }
  }

  /// `builders` at once on one output: one or more succeed one after another, the others are told so at once.
  public mutating func race(_ scenario: Scenario, builders: Int) throws {
    guard let sound = try soundOutput(scenario) else { return }
    clear()
    var processes: [Process] = []
    for _ in 0..<builders {
      let process = try started {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: toolPath("pq-build"))
        process.arguments = words(scenario.arguments) + ["-o", folder.path("out.pqx"), "--quiet"]
        process.standardError = FileHandle.nullDevice
        return process
      }
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
