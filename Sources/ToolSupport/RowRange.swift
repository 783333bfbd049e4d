public import ArgumentParser

/// Rows as a user names them: `a:b`, from a up to but without b.
public struct RowRange: ExpressibleByArgument, Sendable {
  public let range: Range<UInt64>

  public init?(argument: String) {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let lower = UInt64(parts[0]), let upper = UInt64(parts[1]), lower < upper else {
      return nil
    }
    range = lower..<upper
  }
}
