/// How nearness is measured. The raw value is the one in a file's header.
public enum Metric: UInt8, Sendable, CaseIterable {
  /// Squared Euclidean distance, smaller first.
  case l2 = 1
  /// Inner product, larger first.
  case ip = 2
  /// Inner product of the normalised vectors, larger first.
  case cosine = 3

  /// The metric that the tools know by `name`.
  public init?(name: String) {
    guard let metric = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = metric
  }

  public var name: String {
    switch self {
    case .l2: "l2"
    case .ip: "ip"
    case .cosine: "cosine"
    }
  }
}
