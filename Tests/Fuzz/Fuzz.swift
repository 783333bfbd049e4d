import CFuzzer
import Foundation
import PQDamage

/// libFuzzer on one target. `fuzz --seeds FOLDER` writes what to begin with; Tests/fuzz.sh runs all targets.
@main
enum Fuzz {
  /// The target that PQX_FUZZ_TARGET names.
  private static let target: FuzzTarget = {
    let name = ProcessInfo.processInfo.environment["PQX_FUZZ_TARGET"] ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
      fatalError("PQX_FUZZ_TARGET is one of \(FuzzTarget.allCases.map(\.rawValue))")
    }
    return target
  }()

  // libFuzzer calls from one thread.
  private nonisolated(unsafe) static let surroundings = makeSurroundings()

  private static func makeSurroundings() -> FuzzTarget.Surroundings {
    do { return try FuzzTarget.Surroundings(target) } catch { fatalError("no files for the input: \(error)") }
  }

  static func main() throws {
    if CommandLine.arguments.count == 3, CommandLine.arguments[1] == "--seeds" {
      for (i, seed) in try target.seeds().enumerated() {
        try Data(seed).write(to: URL(fileURLWithPath: "\(CommandLine.arguments[2])/seed-\(i)"))
      }
      return
    }
    var count = CommandLine.argc
    // The process's own arguments, which outlive all.
    var arguments = unsafe Optional(CommandLine.unsafeArgv)
    let status = unsafe LLVMFuzzerRunDriver(&count, &arguments) { start, count in
      // libFuzzer's buffer is valid for the call.
      unsafe Fuzz.target.run(
        RawSpan(_unsafeBytes: UnsafeRawBufferPointer(start: start, count: count)), Fuzz.surroundings)
      return 0
    }
    exit(status)
  }
}
