/// How an index compares vectors. Raw values are those of the file (Formats/pqx-v1.md, "Header").
public enum Metric: UInt8, Sendable, CaseIterable {
  /// Squared L2 distance; smaller is nearer.
  case l2 = 1
  /// Inner product; larger is nearer.
  case ip = 2
  /// Inner product of vectors normalised at build and at query; larger is nearer. A zero vector stays zero.
  case cosine = 3

  public var name: String { "\(self)" }

  public init?(name: String) {
    guard let metric = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = metric
  }
}
