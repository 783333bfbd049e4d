import PQFormat
import PQKernels
import Testing

@Suite struct ADCTests {
  @Test(arguments: 1...16) func sumsAreCanonicalOnEverySet(nbits: Int) {
    var values = Values(seed: UInt64(nbits))
    let base: Float = 0.375
    for m in [1, 2, 5] {
      let layout = CodeLayout(m: m, nbits: nbits)
      var tables = [Float](repeating: .nan, count: m * layout.tableSize)
      for s in 0..<m {
        let entries = values.floats(1 << nbits)
        tables.replaceSubrange(s * layout.tableSize..<s * layout.tableSize + entries.count, with: entries)
      }
      for count in [0, 1, 15, 16, 17, 31, 33, 63, 64, 65, 130] {
        let codes = values.codes(count * m, nbits: nbits)
        var frame: [UInt8] = []
        layout.appendFrame(codes.span, to: &frame)
        let expected = (0..<count).map { v in
          (0..<m).reduce(base) { $0 + tables[$1 * layout.tableSize + Int(codes[v * m + $1])] }.bitPattern
        }
        for kernels in Kernels.available {
          var output = [Float](repeating: .nan, count: count)
          var span = output.mutableSpan
          kernels.adc(
            tables: tables.span, tableSize: layout.tableSize, m: m, nbits: nbits, frame: frame.rawSpan,
            frameBytes: layout.frameBytes(count), base: base, into: &span)
          #expect(output.map(\.bitPattern) == expected, "\(kernels.name), m \(m), \(count) vectors")
        }
      }
    }
  }
}
