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

/// Some of another source's components.
struct Part<Source: PointSource>: PointSource {
  let source: Source
  let components: Range<Int>

  func withComponents<Result>(_ body: (Span<Float>) -> Result) -> Result {
    source.withComponents { body($0.extracting(components)) }
  }

  consuming func first(_ count: Int) -> [Float] {
    withComponents { all in (0..<min(count, all.count)).map { all[$0] } }
  }
}
