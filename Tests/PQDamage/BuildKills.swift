internal import Foundation
internal import PQBuild
internal import PQFormat
internal import PQTestSupport

/// Builds that are killed at random moments and gone on with: each must give the bytes of one that was left alone.
public struct BuildKills: ~Copyable {
  private let folder: TemporaryFolder
  private let sound: [UInt8]
  /// Seconds that a build takes.
  private let duration: Double
  private var random: UInt64

  public private(set) var kills = 0
  /// Kills that left something to go on with.
  public private(set) var resumed = 0
  /// Kills after the output had its name.
  public private(set) var published = 0
  public private(set) var problems: [String] = []

  /// - Throws: when a build fails that nobody kills.
  public init(seed: UInt64) throws {
    let folder = try TemporaryFolder()
    try folder.write(VectorBytes.fvecs(SeededVectors.floats(rows: 3000, dimension: 8, seed: 5)), to: "in.fvecs")
    let start = Date()
    let process = try Self.start(folder.path)
    process.waitUntilExit()
    let duration = -start.timeIntervalSinceNow
    sound = try folder.read("out.pqx")
    random = seed
    self.duration = duration
    self.folder = folder
  }

  /// The build of ``init(seed:)``, in this process: a checkpoint after every chunk and every list.
  public static func build(in folder: String) throws {
    var parameters = BuildParameters()
    (parameters.nlist, parameters.m, parameters.nbits, parameters.iterations) = (16, 4, 4, 3)
    (parameters.vectors, parameters.threads) = (.f32, 2)
    var build = FileBuild(
      input: VectorSource(path: folder + "/in.fvecs"), output: folder + "/out.pqx", parameters: parameters)
    build.adjust = {
      $0.chunkRows = 100
      $0.runVectors = 300
      $0.checkpointInterval = .zero
    }
    build.resuming = true
    _ = try build.run()
  }

  /// The same in a process of its own, by `trust killed-build`.
  private static func start(_ folder: String) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: toolPath("trust"))
    process.arguments = ["killed-build", folder]
    _ = FileManager.default.createFile(atPath: folder + "/errors", contents: nil)
    process.standardError = FileHandle(forWritingAtPath: folder + "/errors")
    try process.run()
    return process
  }

  /// Kills builds until `count` have not come to their end, and goes on with each.
  /// - Parameter again: whether the build that goes on is killed too.
  public mutating func run(_ count: Int, again: Bool) throws {
    let end = kills + count
    while kills < end {
      for name in try folder.names() where name.hasPrefix("out") {
        try FileManager.default.removeItem(atPath: folder.path(name))
      }
      guard try isKilled(), try !again || isKilled() else { continue }
      kills += 1
      let left = try folder.names()
      if left.contains("out.pqx") {
        published += 1
      } else if left.contains("out.pqx.work") {
        resumed += 1
      }
      let process = try Self.start(folder.path)
      process.waitUntilExit()
      // Without its journal, a build that has published is over: another is told that the output exists.
      if process.terminationStatus != 0, !left.contains("out.pqx") {
        problems.append("kill \(kills): \(String(decoding: try folder.read("errors"), as: UTF8.self))")
      } else if (try? folder.read("out.pqx")) != sound {
        problems.append("kill \(kills): other bytes")
      } else if try folder.names().contains("out.pqx.work") {
        problems.append("kill \(kills): a work folder is left")
      }
    }
  }

  /// Starts a build and kills it after a random time; false if it was at its end before.
  private mutating func isKilled() throws -> Bool {
    random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let process = try Self.start(folder.path)
    usleep(UInt32(Double(random >> 40) * 0x1p-24 * duration * 1e6))
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    return process.terminationReason == .uncaughtSignal
  }
}
