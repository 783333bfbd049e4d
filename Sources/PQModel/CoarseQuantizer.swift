internal import PQKernels

/// The coarse quantizer: `nlist` centroids, each the centre of one list.
package struct CoarseQuantizer: Sendable {
  package let dimension: Int
  package let nlist: Int
  /// Centroids in lane blocks, as in the file.
  package let blocks: [Float]
  /// Nil: lists stand in no order, and a search for the nearest one looks at all.
  package let groups: Groups?

  /// - Precondition: `blocks` holds `nlist` vectors of `dimension` components in lane blocks, and `groups` are of them.
  package init(dimension: Int, nlist: Int, blocks: [Float], groups: Groups? = nil) {
    precondition(blocks.count == LaneBlocks.floats(vectors: nlist, dimension: dimension), "blocks of another shape")
    self.dimension = dimension
    self.nlist = nlist
    self.blocks = blocks
    self.groups = groups
  }

  /// One component of a list's centroid.
  @inline(__always)
  package func component(_ component: Int, of list: Int) -> Float {
    blocks[LaneBlocks.index(vector: list, component: component, dimension: dimension)]
  }

  /// Rows of one piece of work: fixed, and large enough that a panel of centroids pays for its way into the cache.
  private static let rowsPerPiece = 2048

  /// The list of each of the packed `rows` `[row][dimension]`: its nearest centroid by squared L2, whatever the metric,
  /// and with groups the nearest one of its nearest groups.
  ///
  /// The same for any number of threads and every instruction set. O(rows · nlist · dimension), with groups
  /// O(rows · √nlist · dimension).
  package func assign(_ rows: some PointSource, threads: Int, into lists: inout [UInt32]) {
    let count = rows.withComponents { $0.count } / dimension
    if lists.count != count { lists = [UInt32](repeating: 0, count: count) }
    var output = lists.mutableSpan
    Threads.fill(&output, rowsPerPiece: Self.rowsPerPiece, threads: threads) { range, output in
      rows.withComponents { rows in
        let rows = rows.extracting(range.lowerBound * dimension..<range.upperBound * dimension)
        if let groups {
          assign(rows, through: groups, into: &output)
        } else {
          var scratch: [Int32] = []
          Kernels.best.assign(
            rows, stride: dimension, dimension: dimension, blocks: blocks.span, centroids: nlist, scratch: &scratch,
            into: &output)
        }
      }
    }
  }

  /// Replaces each row of `rows` `[row][dimension]` by its residual x − c to its list's centroid.
  package func subtractCentroids(_ lists: [UInt32], from rows: inout [Float], threads: Int) {
    var output = rows.mutableSpan
    Threads.fill(&output, stride: dimension, rowsPerPiece: 512, threads: threads) { range, output in
      let blocks = blocks.span
      for (i, row) in range.enumerated() {
        var from = LaneBlocks.index(vector: Int(lists[row]), component: 0, dimension: dimension)
        for c in 0..<dimension {
          output[i * dimension + c] -= blocks[from]
          from += LaneBlocks.lanes
        }
      }
    }
  }
}
