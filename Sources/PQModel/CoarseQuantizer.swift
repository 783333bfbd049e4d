package import PQKernels

/// The coarse quantizer: `nlist` centroids, each the centre of one list.
package struct CoarseQuantizer: Sendable {
  package let dimension: Int
  package let nlist: Int
  /// Centroids in lane blocks, as in the file.
  package let blocks: [Float]
  /// Nil: lists stand in no order, and each search of the nearest one looks at all.
  package let groups: Groups?

  /// - Precondition: `blocks` holds `nlist` vectors of `dimension` components in lane blocks, and `groups` are of them.
  package init(dimension: Int, nlist: Int, blocks: [Float], groups: Groups? = nil) {
    precondition(blocks.count == LaneBlocks.floats(vectors: nlist, dimension: dimension), "blocks of another shape")
    self.dimension = dimension
    self.nlist = nlist
    self.blocks = blocks
    self.groups = groups
  }

  /// The list of each row of `rows` `[row][dimension]`: its nearest centroid by squared L2, whatever the metric.
  package func assign(_ rows: [Float], threads: Int, into lists: inout [Nearest]) {
    let count = rows.count / dimension
    if lists.count != count { lists = [Nearest](repeating: Nearest(), count: count) }
    var output = lists.mutableSpan
    Threads.fill(&output, rowsPerPiece: 512, threads: threads) { range, output in
      Kernels.best.nearest(
        rows.span, offset: range.lowerBound * dimension, stride: dimension, dimension: dimension, blocks: blocks.span,
        centroids: nlist, into: &output)
    }
  }

  /// Replaces each row of `rows` `[row][dimension]` by its residual x − c to its list's centroid.
  package func subtractCentroids(_ lists: [Nearest], from rows: inout [Float], threads: Int) {
    var output = rows.mutableSpan
    Threads.fill(&output, stride: dimension, rowsPerPiece: 512, threads: threads) { range, output in
      let blocks = blocks.span
      for (i, row) in range.enumerated() {
        let list = Int(lists[row].index)
        var from = LaneBlocks.index(vector: list, component: 0, dimension: dimension)
        for c in 0..<dimension {
          output[i * dimension + c] -= blocks[from]
          from += LaneBlocks.lanes
        }
      }
    }
  }
}
