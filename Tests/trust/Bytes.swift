public import ArgumentParser
public import PQDamage

/// Every byte of a small file, each of 255 wrong values.
struct Bytes: ParsableCommand {
  @Argument(help: "A kind of index: \(SmallIndex.allCases.map(\.rawValue).joined(separator: ", ")).")
  var kind: SmallIndex

  @Option(help: "The first byte, and how many.")
  var from = 0

  @Option
  var count = Int.max

  @Flag(help: "The eight values with one wrong bit alone.")
  var bits = false

  func run() throws {
    let golden = try kind.build()
    var damage = ByteDamage()
    let end = count < golden.bytes.count - from ? from + count : golden.bytes.count
    try damage.run(
      golden, offsets: min(from, end)..<end, masks: bits ? (0..<8).map { 1 << $0 } : (1...255).map { $0 },
      verifying: false)
    for offset in Set(damage.silent).sorted() { print("byte \(offset): changed results without an error") }
    try summary(
      "bytes \(kind.rawValue) \(from)", trials: damage.refused + damage.harmless + damage.silent.count,
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

extension SmallIndex: ExpressibleByArgument {}
