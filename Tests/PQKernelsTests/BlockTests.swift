import PQKernels
import Testing

private let lengths = [0, 1, 15, 16, 17, 31, 33, 64, 65]
private let dimensions = [1, 2, 3, 15, 16, 17, 100]

@Suite struct BlockTests {
  @Test func packingIsUndoneByAppendRow() {
    var values = Values(seed: 1)
    for dimension in [1, 3, 16] {
      for vectors in lengths {
        let rows = values.floats(vectors * dimension)
        let blocks = LaneBlocks.pack(rows.span, dimension: dimension)
        #expect(blocks.count == (vectors + 15) / 16 * 16 * dimension)
        var unpacked: [Float] = []
        for v in 0..<vectors { LaneBlocks.appendRow(v, of: blocks.span, dimension: dimension, to: &unpacked) }
        #expect(unpacked == rows)
        LaneBlocks.appendRows(vectors, of: blocks.span, dimension: dimension, to: &unpacked)
        #expect(unpacked == rows + rows)
        let padding = (vectors..<(vectors + 15) / 16 * 16).flatMap { v in
          (0..<dimension).map { blocks[LaneBlocks.index(vector: v, component: $0, dimension: dimension)] }
        }
        #expect(padding.allSatisfy { $0 == 0 })
      }
    }
    #expect(LaneBlocks.index(vector: 17, component: 2, dimension: 3) == (3 + 2) * 16 + 1)
  }

  @Test func distancesAreCanonicalOnEverySet() {
    var values = Values(seed: 2)
    for dimension in dimensions {
      let query = values.floats(dimension)
      let rows = values.floats(65 * dimension)
      let blocks = LaneBlocks.pack(rows.span, dimension: dimension)
      let expected = (0..<65).map { v in
        let row = rows[v * dimension..<(v + 1) * dimension]
        return (Oracle.squaredL2(query, row).bitPattern, Oracle.innerProduct(query, row).bitPattern)
      }
      for kernels in Kernels.available {
        for count in lengths {
          let l2 = kernels.blocks(.squaredL2, query, blocks, count: count)
          let ip = kernels.blocks(.innerProduct, query, blocks, count: count)
          #expect(l2 == expected[..<count].map(\.0), "\(kernels.name), dimension \(dimension), \(count) vectors")
          #expect(ip == expected[..<count].map(\.1), "\(kernels.name), dimension \(dimension), \(count) vectors")
        }
      }
    }
  }

  /// Points in the middle of wider rows, centroids with duplicates and many ties.
  @Test func nearestIsTheFirstOfTheSmallest() {
    var values = Values(seed: 3)
    let points = 14
    for dimension in dimensions {
      let (offset, stride) = (2, dimension + 3)
      for centroids in [1, 2, 15, 16, 17, 31, 33, 65] {
        for whole in [true, false] {
          let data = whole ? values.whole(offset + points * stride) : values.floats(offset + points * stride)
          var rows = whole ? values.whole(centroids * dimension) : values.floats(centroids * dimension)
          if centroids > 2 {
            rows.replaceSubrange((centroids - 1) * dimension..<rows.count, with: rows[dimension..<2 * dimension])
          }
          let expected = (0..<points).map { i in
            Oracle.nearest(
              Array(data[offset + i * stride..<offset + i * stride + dimension]), rows, dimension: dimension)
          }
          let blocks = LaneBlocks.pack(rows.span, dimension: dimension)
          for kernels in Kernels.available {
            for count in [0, 1, 4, 5, 6, 7, 12, 14] {
              let found = kernels.nearest(
                data, offset: offset, stride: stride, dimension: dimension, blocks: blocks, centroids: centroids,
                count: count)
              #expect(
                found == Array(expected[..<count]),
                "\(kernels.name), dimension \(dimension), \(centroids) centroids, \(count) points")
            }
          }
        }
      }
    }
  }

  /// Padding lanes hold zeros: a point at zero is nearer to them than to any centroid.
  @Test func paddingNeverWins() {
    for kernels in Kernels.available {
      for centroids in [1, 15, 17, 33, 47] {
        let rows = (0..<centroids).map { Float(100 + centroids - $0) }
        let blocks = LaneBlocks.pack(rows.span, dimension: 1)
        let found = kernels.nearest(
          [Float](repeating: 0, count: 7), stride: 1, dimension: 1, blocks: blocks, centroids: centroids, count: 7)
        #expect(found == [Nearest](repeating: Nearest(index: UInt32(centroids - 1), distance: 10_201), count: 7))
      }
    }
  }

  /// Enough centroids for several passes over the points, each of which holds the same ones again.
  @Test func earlierPassKeepsATie() {
    var values = Values(seed: 4)
    let dimension = 100
    let some = values.floats(50 * dimension)
    let rows = (0..<30).flatMap { _ in some }
    let points = values.floats(7 * dimension)
    let expected = (0..<7).map { i in
      Oracle.nearest(Array(points[i * dimension..<(i + 1) * dimension]), some, dimension: dimension)
    }
    let blocks = LaneBlocks.pack(rows.span, dimension: dimension)
    for kernels in Kernels.available {
      let found = kernels.nearest(
        points, stride: dimension, dimension: dimension, blocks: blocks, centroids: 1500, count: 7)
      #expect(found == expected, "\(kernels.name)")
    }
  }

  /// One block of centroids alone is more than is kept in the cache at once.
  @Test(arguments: Kernels.available) func wideCentroids(kernels: Kernels) {
    let dimension = 20_000
    var values = Values(seed: 31)
    let (points, centroids) = (values.floats(2 * dimension), values.floats(40 * dimension))
    let blocks = LaneBlocks.pack(centroids.span, dimension: dimension)
    let found = kernels.nearest(
      points, stride: dimension, dimension: dimension, blocks: blocks, centroids: 40, count: 2)
    let expected = (0..<2).map {
      Oracle.nearest(Array(points[$0 * dimension..<($0 + 1) * dimension]), centroids, dimension: dimension)
    }
    #expect(found == expected, "\(kernels.name)")
  }

  @Test func infiniteDistancesLeaveIndexZero() {
    let blocks = LaneBlocks.pack([Float](repeating: 3e38, count: 40).span, dimension: 2)
    for kernels in Kernels.available {
      let found = kernels.nearest([-3e38, 1], stride: 2, dimension: 2, blocks: blocks, centroids: 20, count: 1)
      #expect(found == [Nearest(index: 0, distance: .infinity)], "\(kernels.name)")
    }
  }

  @Test func setsAreNamedAndScalarIsLast() {
    let names = Kernels.available.map(\.name)
    #expect(names.last == "scalar")
    #expect(Set(names).count == names.count)
    #expect(names.contains(Kernels.best.name))
  }
}
