public import Foundation

/// Tests/sanitize.sh runs the tests: nothing can be preloaded into a tool, and its memory cannot be limited.
public let isSanitized = ProcessInfo.processInfo.environment["PQX_SANITIZER"] != nil

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
///   - environment: variables that it gets beside those of the tests.
///   - interruptWhen: asked while the tool runs; it gets SIGINT when this is true for the first time.
///   - timeout: seconds, after which the tool is killed and the test fails.
public func runTool(
  _ name: String, _ arguments: [String], input: [UInt8] = [], environment: [String: String] = [:],
  timeout: Double = 120, interruptWhen: () -> Bool = { false }
) throws -> ToolRun {
  try run(
    URL(fileURLWithPath: toolPath(name)), arguments, input: input, environment: environment, timeout: timeout,
    interruptWhen: interruptWhen)
}

/// The path of a tool that was built beside the tests.
public func toolPath(_ name: String) -> String {
  URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appendingPathComponent(name).path
}

/// Runs a program that the search path has, by env(1); exit code 127 when it has none of that name.
public func runInstalled(_ name: String, _ arguments: [String], timeout: Double = 120) throws -> ToolRun {
  try run(URL(fileURLWithPath: "/usr/bin/env"), [name] + arguments, input: [], timeout: timeout)
}

private func run(
  _ program: URL, _ arguments: [String], input: [UInt8], environment: [String: String] = [:], timeout: Double,
  interruptWhen: () -> Bool = { false }
) throws -> ToolRun {
  let folder = try TemporaryFolder()
  let output = try folder.write([], to: "output")
  let errors = try folder.write([], to: "errors")
  let input = try folder.write(input, to: "input")
  let process = try started {
    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    // Files, not pipes: a tool that writes much cannot wait for its reader.
    process.standardInput = FileHandle(forReadingAtPath: input)
    process.standardOutput = FileHandle(forWritingAtPath: output)
    process.standardError = FileHandle(forWritingAtPath: errors)
    return process
  }
  let deadline = Date(timeIntervalSinceNow: timeout)
  var interrupted = false
  while process.isRunning {
    if !interrupted, interruptWhen() {
      interrupted = true
      process.interrupt()
    }
    guard Date() < deadline else {
      kill(process.processIdentifier, SIGKILL)
      throw ToolRunError.timedOut([program.path] + arguments)
    }
    usleep(2_000)
  }
  return ToolRun(
    exitCode: process.terminationStatus, output: try folder.read("output"),
    errors: String(decoding: try folder.read("errors"), as: UTF8.self))
}

/// A tool that was built beside the tests, started; what it says on standard error is dropped.
public func startTool(
  _ name: String, _ arguments: [String], input: Pipe? = nil, output: Pipe? = nil
) throws -> Process {
  try started {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: toolPath(name))
    process.arguments = arguments
    if let input { process.standardInput = input }
    if let output { process.standardOutput = output }
    process.standardError = FileHandle.nullDevice
    return process
  }
}

/// The process that `make` gives, started.
///
/// Once in some thousand times Foundation finds a descriptor of its own closed, by its thread that waits for processes that
/// ended: nothing was started then, and another try is made.
public func started(_ make: () -> Process) throws -> Process {
  for _ in 0..<4 {
    let process = make()
    do {
      try process.run()
      return process
    } catch let error as NSError where error.domain == NSPOSIXErrorDomain && error.code == Int(EBADF) {}
  }
  let process = make()
  try process.run()
  return process
}
