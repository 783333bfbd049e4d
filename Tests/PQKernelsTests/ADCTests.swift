import PQFormat
import PQKernels
import PQTestSupport
import Testing

/// Canonical distances of chosen vectors of a frame.
@Suite struct ADCTests {
  private static let counts = [1, 15, 16, 17, 31, 33, 48, 63, 64, 65, 130]

  /// A frame of `count` vectors, and some positions in it: all, and every third with one of them twice.
  private func choices(_ count: Int) -> [[UInt16]] {
    let all = (0..<count).map { UInt16($0) }
    return [[], all, all.filter { $0 % 3 == 2 } + [all[0], all[count - 1], all[0]]]
  }

  @Test(arguments: 1...16) func sumsOfTables(nbits: Int) {
    var values = Values(seed: UInt64(nbits))
    let base: Float = 0.375
    for m in nbits <= 12 ? [1, 2, 5, 16] : [1, 5] {
      for hasBracket in [false, true] {
        let layout = CodeLayout(m: m, nbits: nbits, hasBracket: hasBracket)
        var tables = [Float](repeating: .nan, count: m * layout.tableFloats)
        for s in 0..<m {
          for (j, value) in values.floats(1 << nbits).enumerated() { tables[s * layout.tableFloats + j] = value }
        }
        let guardedTables = GuardedBuffer(tables)
        for count in Self.counts {
          let codes = values.codes(count * m, nbits: nbits)
          var bytes: [UInt8] = []
          layout.appendFrame(codes.span, brackets: [UInt8](repeating: 0xFF, count: count), to: &bytes)
          let content = GuardedBuffer(bytes)
          let expected = (0..<count).map { v in
            (0..<m).reduce(base) { $0 + tables[$1 * layout.tableFloats + Int(codes[v * m + $1])] }.bitPattern
          }
          for positions in choices(count) {
            let chosen = GuardedBuffer(positions)
            for kernels in Kernels.available {
              var output = GuardedBuffer<Float>(repeating: .nan, count: positions.count)
              var span = output.mutableSpan
              kernels.distances(
                CodeFrame(content.rawSpan, next: content.rawSpan.slice(0, 0), count: count, shape: layout.shape),
                positions: chosen.span,
                tables: guardedTables.span, base: base, into: &span)
              let found = (0..<positions.count).map { span[$0].bitPattern }
              #expect(
                found == positions.map { expected[Int($0)] }, "\(kernels.name), m \(m), \(count) vectors")
            }
          }
        }
      }
    }
  }

  /// The tables that estimates are made by: for two codes at once up to 4 bits, else copied.
  private func estimateTables(
    _ kernels: Kernels, _ tables: borrowing GuardedBuffer<Float>, _ shape: CodeShape
  ) -> GuardedBuffer<Float> {
    var result = GuardedBuffer<Float>(repeating: .nan, count: shape.estimateFloats)
    var output = result.mutableSpan
    if shape.pairsTables {
      kernels.pairTables(tables.span, shape: shape, into: &output)
    } else {
      for i in output.indices { output[i] = tables.span[i] }
    }
    return result
  }

  @Test(arguments: 1...16) func estimates(nbits: Int) {
    var values = Values(seed: 200 + UInt64(nbits))
    let (base, factor, step): (Float, Float, Float) = (12.5, -2, 0.75)
    for m in nbits <= 12 ? [1, 2, 5, 16] : [1, 5] {
      let layout = CodeLayout(m: m, nbits: nbits, hasBracket: true)
      let tables = GuardedBuffer(values.floats(m * layout.tableFloats))
      let most = Self.counts[Self.counts.count - 1]
      let codes = values.codes(most * m, nbits: nbits)
      let brackets = (0..<most).map { _ in UInt8(truncatingIfNeeded: values.random.next()) }
      let expected = (0..<most).map { v in
        var sums: [Float] = [0, 0, 0, 0]
        func entry(_ s: Int) -> Float { tables.span[s * layout.tableFloats + Int(codes[v * m + s])] }
        if nbits > 4 {
          for s in 0..<m { sums[s % 4] += entry(s) }
        } else {
          for s in stride(from: 0, to: m, by: 2) { sums[s / 2 % 4] += entry(s) + (s + 1 < m ? entry(s + 1) : 0) }
        }
        let sum = (sums[0] + sums[1]) + (sums[2] + sums[3])
        return (base + factor * sum + step * Float(brackets[v])).bitPattern
      }
      for kernels in Kernels.available {
        let used = estimateTables(kernels, tables, layout.shape)
        for count in Self.counts {
          var bytes: [UInt8] = []
          let some = codes.span.extracting(0..<count * m)
          layout.appendFrame(some, brackets: brackets, to: &bytes)
          let content = GuardedBuffer(bytes)
          for positions in choices(count) {
            let chosen = GuardedBuffer(positions)
            var output = GuardedBuffer<Float>(repeating: .nan, count: positions.count)
            var span = output.mutableSpan
            kernels.estimates(
              CodeFrame(content.rawSpan, count: count, shape: layout.shape), positions: chosen.span,
              tables: used.span, base: base, factor: factor, step: step, into: &span)
            let found = (0..<positions.count).map { span[$0].bitPattern }
            #expect(found == positions.map { expected[Int($0)] }, "\(kernels.name), m \(m), \(count) vectors")
          }
        }
      }
    }
  }

  @Test(arguments: 1...16) func residuals(nbits: Int) {
    var values = Values(seed: 100 + UInt64(nbits))
    // Wider codes share all but how a code is read, and their tables take long to make.
    for sub in nbits <= 8 ? [1, 2, 3, 4, 5, 8, 16, 23] : [1, 2, 3, 5, 16] {
      for m in nbits <= 8 ? [1, 5, 17] : sub == 1 && nbits <= 13 ? [5, 17] : [1, 2] {
        let layout = CodeLayout(m: m, nbits: nbits, hasBracket: sub % 2 == 0)
        let words = 1 << nbits
        let rows = values.floats(m * words * sub)
        let blocked = (0..<m).flatMap {
          LaneBlocks.pack(rows.span.extracting($0 * words * sub..<($0 + 1) * words * sub), dimension: sub)
        }
        let residual = values.floats(m * sub)
        let books = GuardedBuffer(rows)
        let blockedBooks = GuardedBuffer(blocked)
        let query = GuardedBuffer(residual)
        for count in [1, 16, 17, 65, 130] {
          let codes = values.codes(count * m, nbits: nbits)
          var bytes: [UInt8] = []
          layout.appendFrame(codes.span, brackets: [UInt8](repeating: 0xFF, count: count), to: &bytes)
          let content = GuardedBuffer(bytes)
          let expected = (0..<count).map { v in
            (0..<m).reduce(Float(0)) { sum, s in
              let word = (s * words + Int(codes[v * m + s])) * sub
              return sum
                + Oracle.squaredL2(Array(residual[s * sub..<(s + 1) * sub]), rows[word..<word + sub])
            }.bitPattern
          }
          for positions in choices(count) {
            for (kernels, inBlocks) in Kernels.available.flatMap({ [($0, false), ($0, true)] }) {
              var output = GuardedBuffer<Float>(repeating: .nan, count: positions.count)
              var span = output.mutableSpan
              kernels.distances(
                CodeFrame(content.rawSpan, next: content.rawSpan.slice(0, 0), count: count, shape: layout.shape),
                positions: positions.span,
                residual: query.span, codebooks: inBlocks ? blockedBooks.span : books.span, blocked: inBlocks,
                into: &span)
              let found = (0..<positions.count).map { span[$0].bitPattern }
              #expect(
                found == positions.map { expected[Int($0)] },
                "\(kernels.name), m \(m), sub \(sub), \(count) vectors, blocked \(inBlocks)")
            }
          }
        }
      }
    }
  }
}
