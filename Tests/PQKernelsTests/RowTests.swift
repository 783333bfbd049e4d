import PQFormat
import PQKernels
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
