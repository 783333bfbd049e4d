import PQFormat
import PQKernels
import PQTestSupport
import Testing

@Suite struct RowTests {
  /// Random rows: their bytes, and their values as the format defines them.
  static func rows(_ type: RowType, _ count: Int, offset: Float, _ values: inout Values) -> ([UInt8], [Float]) {
    var bytes: [UInt8] = []
    var floats: [Float] = []
    switch type {
    case .f32:
      floats = values.floats(count)
      bytes.append(floats: floats.span)
    case .f16:
      let halves = values.floats(count).map(Float16.init)
      for half in halves { bytes.append(littleEndian: half.bitPattern) }
      floats = halves.map(Float.init)
    case .u8:
      bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: values.random.next()) }
      floats = bytes.map { Float($0) + offset }
    }
    return (bytes, floats)
  }

  @Test(arguments: [RowType.f32, .f16, .u8]) func distancesAreCanonicalOnEverySet(type: RowType) {
    var values = Values(seed: 5)
    for dimension in [1, 2, 3, 15, 16, 17, 31, 33, 64, 65, 100] {
      let query = values.floats(dimension)
      for count in [0, 1, 3, 4, 5, 15, 16, 17] {
        for offset: Float in type == .u8 ? [0, -128] : [0] {
          let (bytes, rows) = Self.rows(type, count * dimension, offset: offset, &values)
          for similarity in [Similarity.squaredL2, .innerProduct] {
            let expected = (0..<count).map {
              Oracle.row(similarity, query, rows[$0 * dimension..<($0 + 1) * dimension]).bitPattern
            }
            for kernels in Kernels.available {
              let found = kernels.rows(similarity, query, bytes, type, offset: offset, count: count)
              #expect(found == expected, "\(kernels.name), \(type), dimension \(dimension), \(count) rows")
            }
          }
        }
      }
    }
  }

  /// Products that round to -0, in all lanes but those past the last component.
  @Test func sumsOfNegativeZero() {
    for dimension in [1, 16, 17, 33] {
      let (query, row) = ([Float](repeating: 1e-30, count: dimension), [Float](repeating: -1e-30, count: dimension))
      var bytes: [UInt8] = []
      for _ in 0..<5 { bytes.append(floats: row.span) }
      let expected = Oracle.row(.innerProduct, query, row[...]).bitPattern
      for kernels in Kernels.available {
        let found = kernels.rows(.innerProduct, query, bytes, .f32, offset: 0, count: 5)
        #expect(found == [UInt32](repeating: expected, count: 5), "\(kernels.name), dimension \(dimension)")
      }
    }
  }

  /// Queries of whole numbers, and such that miss being one by little: in one component, by a fraction or by one unit.
  private static func wholeQueries(_ dimension: Int, offset: Float, _ values: inout Values) -> [[Float]] {
    let whole = (0..<dimension).map { _ in Float(UInt8(truncatingIfNeeded: values.random.next())) + offset }
    let extremes = (0..<dimension).map { ($0 % 2 == 0 ? 0 : 255) + offset }
    let place = Int(values.random.next() % UInt64(dimension))
    return [whole, extremes]
      + [offset - 1, offset + 256, 0.5, 0x1p-30, .greatestFiniteMagnitude].map { value in
        var query = whole
        query[place] = value
        return query
      }
  }

  @Test(arguments: [1, 15, 16, 31, 32, 33, 64, 100, 128, 257, 258, 259, 300])
  func distancesOfBytesToWholeNumbers(dimension: Int) {
    var values = Values(seed: UInt64(dimension))
    for offset: Float in [0, -128, 0.5, 1000, -1000] {
      for query in Self.wholeQueries(dimension, offset: offset, &values) {
        for count in [1, 3, 4, 5, 17] {
          var (bytes, _) = Self.rows(.u8, count * dimension, offset: offset, &values)
          for i in 0..<dimension where i % 3 != 0 { bytes[i] = i % 3 == 1 ? 0 : 255 }
          let rows = bytes.map { Float($0) + offset }
          let expected = (0..<count).map {
            Oracle.row(.squaredL2, query, rows[$0 * dimension..<($0 + 1) * dimension]).bitPattern
          }
          let guarded = GuardedBuffer(bytes)
          let offsets = (0..<count).map { UInt64((count - 1 - $0) * dimension) }
          for kernels in Kernels.available {
            let found = kernels.rows(.squaredL2, query, bytes, .u8, offset: offset, count: count)
            #expect(found == expected, "\(kernels.name), dimension \(dimension), offset \(offset), \(count) rows")
            var scattered = [Float](repeating: .nan, count: count)
            var span = scattered.mutableSpan
            kernels.rows(
              .squaredL2, query.span, in: guarded.rawSpan, at: offsets.span, type: .u8, offset: offset, into: &span)
            #expect(
              scattered.map(\.bitPattern) == expected.reversed(),
              "\(kernels.name), dimension \(dimension), offset \(offset), \(count) scattered rows")
          }
        }
      }
    }
  }

  @Test func everyHalfIsRead() {
    let halves = (UInt16.min...(.max)).map { Float16(bitPattern: $0) }.filter(\.isFinite)
    var bytes: [UInt8] = []
    for half in halves { bytes.append(littleEndian: half.bitPattern) }
    let expected = halves.map { (Float($0) + 0).bitPattern }  // a chain starts from +0
    for kernels in Kernels.available {
      let found = kernels.rows(.innerProduct, [1], bytes, .f16, offset: 0, count: halves.count)
      #expect(found == expected, "\(kernels.name)")
    }
  }

  @Test(arguments: Kernels.available) func infiniteHalves(kernels: Kernels) {
    let halves: [Float16] = [.infinity, -.infinity]
    var bytes: [UInt8] = []
    for half in halves { bytes.append(littleEndian: half.bitPattern) }
    let found = kernels.rows(.innerProduct, [1], bytes, .f16, offset: 0, count: 2)
    #expect(found == [Float.infinity.bitPattern, (-Float.infinity).bitPattern], "\(kernels.name)")
  }
}
