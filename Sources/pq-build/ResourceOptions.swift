import ArgumentParser
import PQBuild
import ToolSupport

/// What a build may take; the bytes that it makes do not depend on it.
struct ResourceOptions: ParsableArguments {
  @Option(help: "Memory that the build may take, such as 512MiB.")
  var memory = ByteCount(bytes: 1 << 30)

  @Option(help: "Threads. (default: one for each usable processor)")
  var threads: Int?

  func apply(to parameters: inout BuildParameters) {
    parameters.memory = memory.bytes
    parameters.threads = threads ?? usableProcessors
  }

  func apply(to merge: inout IndexMerge) {
    merge.memory = memory.bytes
    merge.threads = threads ?? usableProcessors
  }
}
