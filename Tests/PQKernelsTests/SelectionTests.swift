import PQFormat
import PQKernels
import PQTestSupport
import Testing

/// Selections and sums of every instruction set, by what they are defined to be.
@Suite struct SelectionTests {
  private static let counts = [1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 255, 256, 257, 1000]
  /// Many of one value, few, and all different.
  private static let kinds: [(String, @Sendable (inout Values, Int) -> [Float])] = [
    ("whole", { $0.whole($1) }), ("floats", { $0.floats($1) }),
    ("falling", { _, count in (0..<count).map { Float(count - $0) } }),
  ]

  private func ranks(_ count: Int) -> Set<Int> {
    Set([1, 2, count / 2, count - 1, count].filter { $0 >= 1 && $0 <= count })
  }

  @Test(arguments: Kernels.available) func kth(kernels: Kernels) {
    var values = Values(seed: 21)
    for count in Self.counts {
      for (name, make) in Self.kinds {
        let keys = make(&values, count)
        let sorted = keys.sorted()
        for k in ranks(count) {
          let kth = kernels.kth(k, of: keys.span)
          #expect(kth == sorted[k - 1], "\(kernels.name), \(name), \(k) of \(count)")
        }
      }
    }
  }

  /// Of few values, each rank, with negative, equal and infinite ones.
  @Test(arguments: Kernels.available) func kthOfFewValues(kernels: Kernels) {
    for count in 1...70 {
      let keys = (0..<count).map { $0 % 5 == 1 ? .infinity : $0 % 7 == 2 ? -.infinity : Float(count / 2 - $0 / 2) }
      let sorted = keys.sorted()
      let guarded = GuardedBuffer(keys.map { $0 == 0 ? -0.0 : $0 })
      for k in 1...count {
        #expect(kernels.kth(k, of: guarded.span) == sorted[k - 1], "\(kernels.name), \(k) of \(count)")
      }
    }
  }

  @Test(arguments: Kernels.available) func squaredLength(kernels: Kernels) {
    var values = Values(seed: 26)
    for count in [0, 1, 7, 8, 9, 64, 100] {
      let vector = GuardedBuffer(values.floats(count))
      var sums = [Double](repeating: 0, count: 8)
      for i in 0..<count { sums[i % 8] += Double(vector.span[i]) * Double(vector.span[i]) }
      for half in [4, 1] { for i in 0..<half { sums[i] += sums[i + half] } }
      let expected = sums[0] + (sums[2] + sums[3])
      #expect(kernels.squaredLength(vector.span) == expected, "\(kernels.name), \(count)")
    }
    // The sum of squares that f32 does not hold.
    let large = [Float](repeating: .greatestFiniteMagnitude, count: 16)
    #expect(kernels.squaredLength(large.span).isFinite)
    #expect(kernels.squaredLength([1, .infinity].span) == .infinity)
    #expect(kernels.squaredLength([1, .nan].span).isNaN)
  }

  @Test(arguments: Kernels.available) func limitOfSums(kernels: Kernels) {
    var values = Values(seed: 22)
    for count in Self.counts + [20_000] {
      for nbits in [1, 8, 16] {
        let sums = values.codes(count, nbits: nbits)
        let sorted = sums.sorted()
        for k in ranks(count) {
          let found = kernels.limit(sums.span, k)
          #expect(found == sorted[k - 1], "\(kernels.name), \(k) of \(count) sums of \(nbits) bits")
        }
      }
    }
  }

  /// Of tiles with few vectors, whose lanes are filled up: a limit that no filler reaches, near the k-th sum.
  @Test(arguments: Kernels.available) func limitBesideFillers(kernels: Kernels) {
    var values = Values(seed: 28)
    for lanes in [1, 3, 12, 18, 63] {
      let spread = values.codes(64 * lanes, nbits: 15)
      var sums = [UInt16](repeating: .max, count: 64 * 64)
      // As a tile has them: even lanes before odd ones.
      for tile in 0..<64 {
        for lane in 0..<lanes { sums[64 * tile + lane / 2 + lane % 2 * 32] = spread[tile * lanes + lane] }
      }
      for k in [1, 64 * lanes / 25, 64 * lanes / 24, 64 * lanes / 5, 64 * lanes] where k > 0 {
        var minima = GuardedBuffer<UInt16>(repeating: 7, count: sums.count / 8)
        var room = minima.mutableSpan
        let limit = kernels.limit(sums.span, filled: 64 * lanes, k, minima: &room)
        let within = spread.count { $0 <= limit }
        #expect(within >= k && within <= k + k / 2 + 8, "\(kernels.name), \(k) of 64 tiles of \(lanes)")
      }
    }
  }

  /// Through minima of groups: at least k sums are within the limit, and few more where they are spread.
  @Test(arguments: Kernels.available) func limitThroughMinima(kernels: Kernels) {
    var values = Values(seed: 27)
    for count in [256, 512, 4096] {
      for nbits in [1, 8, 16] {
        let sums = values.codes(count, nbits: nbits)
        let sorted = sums.sorted()
        for k in Set([1, 2, count / 25, count / 24, count / 2, count]).sorted() {
          var minima = GuardedBuffer<UInt16>(repeating: 7, count: count / 8)
          var room = minima.mutableSpan
          let limit = kernels.limit(sums.span, filled: count, k, minima: &room)
          let within = sorted.count { $0 <= limit }
          let context = "\(kernels.name), \(k) of \(count) sums of \(nbits) bits"
          #expect(within >= k && sums.contains(limit), "\(context)")
          if nbits == 16 { #expect(within <= k + k / 2 + 8, "\(context)") }
        }
      }
    }
  }

  @Test(arguments: Kernels.available) func sumsOfARange(kernels: Kernels) {
    var values = Values(seed: 26)
    for count in [0] + Self.counts {
      for nbits in [1, 4, 16] {
        let (sums, positions) = (values.codes(count, nbits: nbits), values.codes(count, nbits: 16))
        for range in [0...0, 1...1, 3...9, 5...UInt16.max, 40_000...50_000, 0...UInt16.max] as [ClosedRange<UInt16>] {
          var foundSums = [UInt16](repeating: 7, count: count)
          var foundPositions = foundSums
          var sumsOut = foundSums.mutableSpan
          var positionsOut = foundPositions.mutableSpan
          let kept = kernels.select(
            range, of: sums.span, positions.span, sums: &sumsOut, positions: &positionsOut)
          let expected = sums.indices.filter { range.contains(sums[$0]) }
          #expect(Array(foundSums[..<kept]) == expected.map { sums[$0] }, "\(kernels.name), \(range) of \(count)")
          #expect(Array(foundPositions[..<kept]) == expected.map { positions[$0] }, "\(kernels.name), \(range)")
        }
      }
    }
  }

  @Test(arguments: Kernels.available) func numbersInRange(kernels: Kernels) {
    var values = Values(seed: 23)
    for count in [0] + Self.counts {
      var keys = values.floats(count)
      if count > 2 { keys[count / 2] = .nan }
      let first = keys.first ?? 1
      for (low, high) in [
        (-.infinity, -.infinity), (-.infinity, 0), (-.infinity, first), (-.infinity, .infinity), (first, .infinity),
        (first, first), (first.nextUp, first), (0, first.magnitude),
      ] as [(Float, Float)] {
        var output = GuardedBuffer<UInt32>(repeating: .max, count: count)
        var span = output.mutableSpan
        let found = kernels.numbers(keys.span, from: low, to: high, into: &span)
        let expected = keys.indices.filter { keys[$0] >= low && keys[$0] <= high }.map(UInt32.init)
        let numbers = (0..<found).map { span[$0] }
        #expect(numbers == expected, "\(kernels.name), \(count) values, \(low)...\(high)")
      }
    }
  }

  /// A group is a lane of `depth` vectors of 16 values.
  @Test(arguments: Kernels.available) func minimaOfGroups(kernels: Kernels) {
    var values = Values(seed: 24)
    for count in Self.counts {
      for depth in [1, 2, 5, 8] {
        let keys = values.floats(count)
        let groups = (count + 16 * depth - 1) / (16 * depth) * 16
        var expected = [Float](repeating: .infinity, count: groups)
        for (i, key) in keys.enumerated() {
          let group = i / (16 * depth) * 16 + i % 16
          expected[group] = min(expected[group], key)
        }
        var output = [Float](repeating: .nan, count: groups)
        var span = output.mutableSpan
        let found = kernels.groupMinima(keys.span, depth: depth, into: &span)
        #expect(found == groups && output == expected, "\(kernels.name), \(count) values, depth \(depth)")
      }
    }
  }

  /// Counts around those of which sums are vectors, numbers that ascend, or not, or stay; nothing past the frame is read.
  @Test(arguments: Kernels.available) func idsOfAFrame(kernels: Kernels) {
    var values = Values(seed: 25)
    for count in [1, 2, 5, 15, 16, 31, 32, 33, 64, 65, 200, 1024, 5000] {
      for planes in [0, 1, 2, 3, 8] {
        for bytes in [
          [UInt8](repeating: 255, count: planes * count), values.codes(planes * count, nbits: 8).map(UInt8.init),
        ] {
          var (ids, id) = ([UInt64](), UInt64(7))
          for i in 0..<count {
            for plane in 0..<planes { id &+= UInt64(bytes[plane * count + i]) << UInt64(8 * plane) }
            ids.append(id)
          }
          let frame = GuardedBuffer(bytes)
          let some = values.codes(20, nbits: 16).map { Int($0) % count }
          for numbers in [Array(0..<count), some, some.sorted(), [count - 1, 0, count - 1, count - 1], []] {
            var output = numbers.map(UInt64.init)
            var span = output.mutableSpan
            kernels.ids(frame.rawSpan, planes: planes, count: count, first: 7, at: &span)
            #expect(output == numbers.map { ids[$0] }, "\(kernels.name), \(planes) planes of \(count)")
          }
          Kernels.fetch(frame.rawSpan)
        }
      }
    }
  }

  /// Words of all magnitudes, the greatest among them; nothing past the room is touched.
  @Test(arguments: Kernels.available) func sortedWords(kernels: Kernels) {
    var random = SplitMix64(seed: 30)
    for count in [0] + Self.counts {
      for shift: UInt64 in [0, 1, 40] {
        // Different by their low bits.
        let words = (0..<count).map { (random.next() >> shift) << 10 | UInt64($0) }
        let falling = (0..<count).map { UInt64.max - UInt64($0) }
        for words in [words, falling, falling.reversed()] {
          var buffer = GuardedBuffer(words + words)
          var span = buffer.mutableSpan
          kernels.sort(&span, count)
          let sorted = (0..<count).map { buffer.span[$0] }
          #expect(sorted == words.sorted(), "\(kernels.name), \(count) words")
        }
      }
    }
  }

  /// A value that is none at every place, among the largest of both signs.
  @Test(arguments: Kernels.available) func finiteValues(kernels: Kernels) {
    for count in [0, 1, 31, 32, 33, 64, 100] {
      var values = (0..<count).map { $0 % 2 == 0 ? Float.greatestFiniteMagnitude : -.greatestFiniteMagnitude }
      func areFinite() -> Bool {
        let buffer = GuardedBuffer(values)
        return kernels.areFinite(buffer.span)
      }
      #expect(areFinite(), "\(kernels.name), \(count) values")
      for place in 0..<count {
        let kept = values[place]
        for value in [Float.infinity, -.infinity, .nan, -.nan, .signalingNaN] {
          values[place] = value
          #expect(!areFinite(), "\(kernels.name), \(value) at \(place) of \(count)")
        }
        values[place] = kept
      }
    }
  }

  @Test(arguments: Kernels.available) func differencesToALane(kernels: Kernels) {
    var values = Values(seed: 26)
    for dimension in [1, 7, 8, 33] {
      let (query, vectors) = (values.floats(dimension), values.floats(20 * dimension))
      let blocks = LaneBlocks.pack(vectors.span, dimension: dimension)
      for vector in [0, 15, 16, 19] {
        var output = [Float](repeating: .nan, count: dimension)
        var span = output.mutableSpan
        kernels.subtract(vector, of: blocks.span, from: query.span, into: &span)
        let expected = (0..<dimension).map { query[$0] - vectors[vector * dimension + $0] }
        #expect(output == expected, "\(kernels.name), vector \(vector) of dimension \(dimension)")
      }
    }
  }

  /// A batch gives the bits of its queries one by one.
  @Test(arguments: Kernels.available) func batches(kernels: Kernels) {
    var values = Values(seed: 27)
    for dimension in [1, 8, 13] {
      for (queries, centroids) in [(1, 1), (1, 40), (5, 16), (7, 100), (9, 50), (16, 33)] {
        let (points, vectors) = (values.floats(queries * dimension), values.floats(centroids * dimension))
        let blocks = LaneBlocks.pack(vectors.span, dimension: dimension)
        for similarity in [Similarity.squaredL2, .innerProduct] {
          var output = [Float](repeating: .nan, count: queries * centroids)
          var span = output.mutableSpan
          kernels.batch(
            similarity, points.span, dimension: dimension, blocks: blocks.span, count: centroids, into: &span)
          let single = (0..<queries).flatMap {
            kernels.blocks(
              similarity, Array(points[$0 * dimension..<($0 + 1) * dimension]), blocks, count: centroids)
          }
          #expect(
            output.map(\.bitPattern) == single, "\(kernels.name), \(queries) queries, \(centroids) of \(dimension)")
        }
      }
    }
  }

  /// Rows anywhere give the bits of the same rows side by side.
  @Test(arguments: Kernels.available) func scatteredRows(kernels: Kernels) {
    var values = Values(seed: 28)
    for type in [RowType.f32, .f16, .u8] {
      for count in [0, 1, 8, 9, 30] {
        let dimension = 17
        let offset: Float = type == .u8 ? -128 : 0
        let query = values.floats(dimension)
        let (bytes, _) = RowTests.rows(type, 30 * dimension, offset: offset, &values)
        let order = (0..<count).map { $0 * 7 % 30 }
        for similarity in [Similarity.squaredL2, .innerProduct] {
          let all = kernels.rows(similarity, query, bytes, type, offset: offset, count: 30)
          var output = [Float](repeating: .nan, count: count)
          var span = output.mutableSpan
          let offsets = order.map { UInt64($0 * type.rowBytes(dimension)) }
          kernels.rows(
            similarity, query.span, in: bytes.rawSpan, at: offsets.span, type: type, offset: offset, into: &span)
          #expect(output.map(\.bitPattern) == order.map { all[$0] }, "\(kernels.name), \(type), \(count) rows")
        }
      }
    }
  }

  /// More points than are assigned at once.
  @Test(arguments: Kernels.available) func manyPoints(kernels: Kernels) {
    var values = Values(seed: 29)
    let (dimension, count) = (6, 500)
    let points = values.floats(count * dimension)
    for centroids in [3, 33] {
      let vectors = values.floats(centroids * dimension)
      let blocks = LaneBlocks.pack(vectors.span, dimension: dimension)
      var (output, scratch) = ([UInt32](repeating: .max, count: count), [Int32]())
      var span = output.mutableSpan
      kernels.assign(
        points.span, stride: dimension, dimension: dimension, blocks: blocks.span, centroids: centroids,
        scratch: &scratch, into: &span)
      let expected = (0..<count).map {
        Oracle.nearest(Array(points[$0 * dimension..<($0 + 1) * dimension]), vectors, dimension: dimension).index
      }
      #expect(output == expected, "\(kernels.name), \(centroids) centroids")
    }
  }
}
