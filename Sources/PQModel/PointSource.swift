/// Vectors to learn from, which any thread may read: an array, or a mapped file that is larger than memory.
package protocol PointSource: Sendable {
  /// Calls `body` with all components, vector after vector.
  func withComponents<Result>(_ body: (Span<Float>) -> Result) -> Result

  /// The first `count` components, at most all; of an array without a copy.
  consuming func first(_ count: Int) -> [Float]
}

extension [Float]: PointSource {
  package func withComponents<Result>(_ body: (Span<Float>) -> Result) -> Result { body(span) }

  package consuming func first(_ count: Int) -> [Float] {
    if self.count > count { removeLast(self.count - count) }
    return self
  }
}
