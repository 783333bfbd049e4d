internal import Foundation

/// What a tool did.
public struct ToolRun: Sendable {
  public let exitCode: Int32
  public let output: [UInt8]
  public let errors: String

  public var text: String { String(decoding: output, as: UTF8.self) }
}

public enum ToolRunError: Error {
  case timedOut([String])
}

/// Runs a tool that was built beside the tests.
/// - Parameters:
///   - input: its standard input.
///   - interruptWhen: asked while the tool runs; it gets SIGINT when this is true for the first time.
///   - timeout: seconds, after which the tool is killed and the test fails.
public func runTool(
  _ name: String, _ arguments: [String], input: [UInt8] = [], timeout: Double = 30,
  interruptWhen: () -> Bool = { false }
) throws -> ToolRun {
  let folder = try TemporaryFolder()
  let output = try folder.write([], to: "output")
  let errors = try folder.write([], to: "errors")
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appendingPathComponent(name)
  process.arguments = arguments
  // Files, not pipes: a tool that writes much cannot wait for its reader.
  process.standardInput = FileHandle(forReadingAtPath: try folder.write(input, to: "input"))
  process.standardOutput = FileHandle(forWritingAtPath: output)
  process.standardError = FileHandle(forWritingAtPath: errors)
  try process.run()
  let deadline = Date(timeIntervalSinceNow: timeout)
  var interrupted = false
  while process.isRunning {
    if !interrupted, interruptWhen() {
      interrupted = true
      process.interrupt()
    }
    guard Date() < deadline else {
      kill(process.processIdentifier, SIGKILL)
      throw ToolRunError.timedOut([name] + arguments)
    }
    usleep(2_000)
  }
  return ToolRun(
    exitCode: process.terminationStatus, output: try folder.read("output"),
    errors: String(decoding: try folder.read("errors"), as: UTF8.self))
}
