import PQFormat
import PQKernels
import PQTestSupport
import Testing

@Suite struct QuantizeTests {
  private struct Result: Equatable {
    var entries: [UInt8]
    /// Bit patterns of minimum, magnitude, step.
    var range: [UInt64]
  }

  private func quantize(_ kernels: Kernels, _ tables: [Float], _ shape: CodeShape, _ factor: Float) -> (
    Result, TableRange
  ) {
    var entries = GuardedBuffer<UInt8>(repeating: 0xAA, count: shape.tableBytes)
    var lowest = GuardedBuffer<Float>(repeating: .nan, count: shape.m)
    let guarded = GuardedBuffer(tables)
    var output = entries.mutableSpan
    var work = lowest.mutableSpan
    let range = kernels.quantize(guarded.span, shape: shape, factor: factor, lowest: &work, into: &output)
    let bytes = (0..<shape.m * shape.tableSize).map { output[$0] }
    for i in bytes.count..<output.count { #expect(output[i] == 0xAA) }
    let bits = [range.minimum.bitPattern, range.magnitude.bitPattern, UInt64(range.step.bitPattern)]
    return (Result(entries: bytes, range: bits), range)
  }

  /// Tables of `scale`, NaN past the entries of a codebook.
  private func tables(_ shape: CodeShape, scale: Float, _ values: inout Values) -> [Float] {
    var tables = [Float](repeating: .nan, count: shape.m * shape.tableFloats)
    for s in 0..<shape.m {
      for (j, value) in values.floats(1 << shape.nbits).enumerated() {
        tables[s * shape.tableFloats + j] = value * scale * Float(s % 3 + 1)
      }
    }
    return tables
  }

  /// All sets agree; each sum of entries bounds the sum of the table's entries from below, and from above with one step
  /// a subspace.
  @Test(arguments: 1...16) func floorOfTheEntry(nbits: Int) {
    var values = Values(seed: UInt64(nbits))
    // Large tables take long to look through, and those of many subspaces differ by what shares a byte.
    for m in [1, 2] + (nbits <= 12 ? [5] : []) + ([1, 4, 5, 8].contains(nbits) ? [300] : []) {
      let shape = CodeLayout(m: m, nbits: nbits).shape
      for (scale, factor): (Float, Float) in [(1, 1), (3e18, -1), (1e-30, -2), (1e37, 1), (0x1p-140, 1)] {
        let tables = tables(shape, scale: scale, &values)
        let (expected, range) = quantize(Kernels.available[Kernels.available.count - 1], tables, shape, factor)
        for kernels in Kernels.available {
          #expect(quantize(kernels, tables, shape, factor).0 == expected, "\(kernels.name), m \(m), \(scale)")
        }
        check(expected.entries, range, tables, shape, factor)
      }
    }
  }

  private func check(
    _ entries: [UInt8], _ range: TableRange, _ tables: [Float], _ shape: CodeShape, _ factor: Float
  ) {
    var (minimum, magnitude) = (0.0, 0.0)
    var wrong = 0
    for s in 0..<shape.m {
      let table = (0..<1 << shape.nbits).map { Double(tables[s * shape.tableFloats + $0] * factor) }
      let least = table.min() ?? 0
      minimum += least
      magnitude += table.map(\.magnitude).max() ?? 0
      // The largest entry of the table whose codes share a byte with this one's.
      let partner = (s - 1) * shape.tableSize..<s * shape.tableSize
      let before = shape.nbits <= 4 && s % 2 > 0 ? Int(entries[partner].max() ?? 0) : 0
      for (j, value) in table.enumerated() {
        let entry = Int(entries[s * shape.tableSize + j])
        let low = Double(range.step) * Double(entry) * (1 - 0x1p-20)
        let high = Double(range.step) * (Double(entry) + 1) * (1 + 0x1p-20)
        if entry + before > shape.entryLimit || low > value - least || (range.step > 0 && value - least > high) {
          wrong += 1
        }
        if range.step == 0, entry != 0 { wrong += 1 }
      }
      for j in 1 << shape.nbits..<shape.tableSize where entries[s * shape.tableSize + j] != 0 { wrong += 1 }
    }
    #expect(wrong == 0, "m \(shape.m), nbits \(shape.nbits)")
    #expect(range.minimum == minimum && range.magnitude == magnitude)
  }

  /// Equal entries have no step; a table beside them that is not constant has one.
  @Test func equalEntries() {
    let shape = CodeLayout(m: 2, nbits: 6).shape
    var tables = [Float](repeating: 7.5, count: 2 * shape.tableFloats)
    for kernels in Kernels.available {
      let (result, range) = quantize(kernels, tables, shape, -2)
      #expect(range.step == 0 && range.minimum == -30 && range.magnitude == 30, "\(kernels.name)")
      #expect(result.entries.allSatisfy { $0 == 0 })
    }
    tables[shape.tableFloats + 5] = 8.5
    for kernels in Kernels.available {
      let (result, range) = quantize(kernels, tables, shape, 1)
      #expect(range.step > 0 && range.minimum == 15 && range.magnitude == 16, "\(kernels.name)")
      #expect(result.entries.indices.allSatisfy { (result.entries[$0] == 0) == ($0 != shape.tableSize + 5) })
    }
  }

  /// Tables with an infinite or undefined entry, or of more than the f32 range, bound nothing.
  @Test func notFinite() {
    for nbits in [1, 3, 4, 5, 8, 9, 16] {
      let shape = CodeLayout(m: 3, nbits: nbits).shape
      for value: Float in [.nan, .infinity, -.infinity, .greatestFiniteMagnitude] {
        for at in [0, shape.tableFloats + 1, 2 * shape.tableFloats + (1 << nbits) - 1] {
          var tables = [Float](repeating: 1, count: 3 * shape.tableFloats)
          tables[at] = value
          // The difference of the two overflows.
          if value == .greatestFiniteMagnitude { tables[at ^ 1] = -value }
          for kernels in Kernels.available {
            let (result, range) = quantize(kernels, tables, shape, 1)
            #expect(range.minimum == -.infinity && range.step == 0, "\(kernels.name), nbits \(nbits), \(value)")
            #expect(result.entries.allSatisfy { $0 == 0 })
          }
        }
      }
    }
  }

  /// So do tables of which an entry is infinite only times the factor: one, or each of a table, whose own range is then
  /// no number, beside tables that have a range.
  @Test func productsNotFinite() {
    for nbits in [1, 4, 5, 8, 9] {
      let shape = CodeLayout(m: 3, nbits: nbits).shape
      var all = (0..<3 * shape.tableFloats).map { Float($0 % 2) }
      for i in 0..<shape.tableFloats { all[i] = .greatestFiniteMagnitude }
      var one = [Float](repeating: 1, count: 3 * shape.tableFloats)
      one[shape.tableFloats + 1] = .greatestFiniteMagnitude
      for tables in [all, one] {
        for kernels in Kernels.available {
          let (result, range) = quantize(kernels, tables, shape, -2)
          #expect(range.minimum == -.infinity && range.step == 0, "\(kernels.name), nbits \(nbits)")
          #expect(result.entries.allSatisfy { $0 == 0 })
        }
      }
    }
  }
}
