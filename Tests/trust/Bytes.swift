import ArgumentParser
import PQDamage

/// Every byte of a golden file, each of 255 wrong values.
struct Bytes: ParsableCommand {
  @Argument(help: "A golden file's name.")
  var file: String

  @Option(help: "The first byte, and how many.")
  var from = 0

  @Option
  var count = Int.max

  @Option(help: "Wrong values a byte.")
  var values = 255

  func run() throws {
    let golden = try GoldenFile(file, queryCount: 1)
    var damage = ByteDamage()
    let end = count < golden.bytes.count - from ? from + count : golden.bytes.count
    try damage.run(golden, offsets: min(from, end)..<end, masks: (1...UInt8(values)).map { $0 }, verifying: false)
    for offset in Set(damage.silent).sorted() { print("byte \(offset): changed results without an error") }
    try summary(
      "bytes \(file) \(from)", trials: damage.refused + damage.harmless + damage.silent.count,
      failures: damage.silent.count, "\(damage.refused) refused, \(damage.harmless) harmless")
  }
}

/// Every length of a golden file but the right one.
struct Lengths: ParsableCommand {
  @Argument(help: "A golden file's name.")
  var file: String

  func run() throws {
    let golden = try GoldenFile(file)
    let lengths = golden.wrongLengths
    let opened = try golden.openedLengths(lengths)
    try summary("lengths \(file)", trials: lengths.count, failures: opened.count, "\(opened.count) opened")
  }
}
