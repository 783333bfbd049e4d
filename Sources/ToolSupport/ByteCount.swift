public import ArgumentParser

/// A number of bytes as an argument: `1GiB`, `256MiB`, `64k`, `1000000`.
public struct ByteCount: ExpressibleByArgument, Sendable, CustomStringConvertible {
  public let bytes: UInt64

  public init(bytes: UInt64) { self.bytes = bytes }

  public init?(argument: String) {
    let digits = argument.prefix { $0.isASCII && $0.isNumber }
    let units: [String: UInt64] = [
      "": 1, "b": 1, "k": 1000, "kb": 1000, "kib": 1 << 10, "m": 1_000_000, "mb": 1_000_000, "mib": 1 << 20,
      "g": 1_000_000_000, "gb": 1_000_000_000, "gib": 1 << 30, "tb": 1_000_000_000_000, "tib": 1 << 40,
    ]
    guard let number = UInt64(digits), let unit = units[argument.dropFirst(digits.count).lowercased()] else {
      return nil
    }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: unit)
    guard !overflow else { return nil }
    self.bytes = bytes
  }

  public var description: String { "\(bytes)" }
}
