internal import PQFormat
internal import PQModel
internal import PQStorage

/// A training sample that is larger than the budget: rows of f32 in a mapped file, whose pages are the system's to keep
/// or to read again.
final class SampleFile: PointSource {
  private let map: FloatMap

  private struct FloatMap: ~Copyable, Sendable {
    let map: MappedFile

    borrowing func withFloats<Result>(_ body: (Span<Float>) -> Result) -> Result { body(map.bytes.floats()) }
  }

  /// Maps the file at `path`, which holds nothing but f32.
  init(path: String) throws(FileError) { map = FloatMap(map: try MappedFile(path: path)) }

  func withComponents<Result>(_ body: (Span<Float>) -> Result) -> Result { map.withFloats(body) }

  consuming func first(_ count: Int) -> [Float] {
    withComponents { all in
      var floats: [Float] = []
      floats.reserveCapacity(min(count, all.count))
      for i in 0..<min(count, all.count) { floats.append(all[i]) }
      return floats
    }
  }
}
