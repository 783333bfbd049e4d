internal import PQFormat
internal import PQSearch
internal import PQStorage

/// Every change of one byte of a file, and what became of it.
public struct ByteDamage: Sendable {
  /// Changes that opening or a search that touches everything refused, and others, whose results were the sound file's.
  public private(set) var refused = 0
  public private(set) var harmless = 0
  public private(set) var harmlessOffsets: Set<Int> = []
  /// Offsets whose change altered results without an error, or that `verify` missed. None in a sound format.
  public private(set) var silent: [Int] = []
  public private(set) var missed: [Int] = []

  public init() {}

  /// Changes each byte in `offsets` by each of `masks` (exclusive or), and changes it back.
  /// - Parameter verifying: whether `verify` must find each harmless change too: it touches every byte.
  public mutating func run(
    _ golden: GoldenFile, offsets: some Sequence<Int>, masks: some Collection<UInt8>, verifying: Bool = true
  ) throws {
    let file = MemoryFile(golden.bytes.rawSpan)
    let sound = try Outcome(of: golden.queries, in: file)
    guard case .results = sound else { throw IndexError.usage("\(golden.name) is not sound: \(sound)") }
    for offset in offsets {
      for mask in masks {
        file.write(golden.bytes[offset] ^ mask, at: offset)
        let outcome = try Outcome(of: golden.queries, in: file)
        if case .refused = outcome {
          refused += 1
        } else if outcome == sound {
          harmless += 1
          harmlessOffsets.insert(offset)
          if verifying, try Index.problems(in: file).isEmpty { missed.append(offset) }
        } else {
          silent.append(offset)
        }
      }
      file.write(golden.bytes[offset], at: offset)
    }
  }
}

extension GoldenFile {
  /// Every length that the file could be cut to, longest first, and three that it could be extended to.
  public var wrongLengths: [Int] { [1, 4096, 1 << 16].map { bytes.count + $0 } + (0..<bytes.count).reversed() }

  /// Those of `lengths`, in this order, at which the file still opens.
  public func openedLengths(_ lengths: [Int]) throws -> [Int] {
    var probe = try Probe(bytes)
    return lengths.filter { length in
      probe.resize(length)
      return (try? Index(path: probe.path)) != nil
    }
  }
}
