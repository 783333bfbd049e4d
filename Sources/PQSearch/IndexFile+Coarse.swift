internal import PQFormat
internal import PQKernels

/// The choice of the lists to visit.
extension IndexFile {
  /// The lists to visit, nearest first, ties by lower number. O(nlist · (D + log nprobe)).
  /// - Parameter distances: gets the query's distance (similarity) to each centroid.
  borrowing func chooseLists(
    _ options: SearchOptions, _ query: [Float], _ distances: inout [Float], _ lists: inout [UInt32]
  ) {
    lists.removeAll(keepingCapacity: true)
    let nlist = parameters.nlist
    guard nlist > 0 else {
      lists.append(0)
      return
    }
    let centroids = bytes(of: .centroids).floats()
    var output = distances.mutableSpan
    if parameters.metric == .l2 {
      Kernels.best.squaredL2(query.span, blocks: centroids, into: &output)
    } else {
      Kernels.best.innerProduct(query.span, blocks: centroids, into: &output)
    }
    ListChoice.nearest(options.effectiveNprobe(parameters), of: distances, parameters.metric, into: &lists)
  }

  /// The query minus the centroid of a list: what residual codes are compared with. O(D).
  borrowing func subtractCentroid(_ list: Int, _ query: [Float], _ residual: inout [Float]) {
    let centroids = bytes(of: .centroids).floats()
    var from = LaneBlocks.index(vector: list, component: 0, dimension: query.count)
    for c in query.indices {
      residual[c] = query[c] - centroids[from]
      from += LaneBlocks.lanes
    }
  }
}

/// The choice of the nearest lists.
enum ListChoice {
  /// Appends the numbers of the `count` nearest of all lists, nearest first, ties by lower number.
  static func nearest(_ count: Int, of values: [Float], _ metric: Metric, into lists: inout [UInt32]) {
    func isNearer(_ a: UInt32, _ b: UInt32) -> Bool {
      let (keyA, keyB) = (metric.key(values[Int(a)]), metric.key(values[Int(b)]))
      return keyA != keyB ? keyA < keyB : a < b
    }
    // A heap of the nearest so far, farthest on top.
    for list in 0..<UInt32(values.count) {
      if lists.count < count {
        lists.append(list)
        var child = lists.count - 1
        while child > 0, isNearer(lists[(child - 1) / 2], lists[child]) {
          lists.swapAt(child, (child - 1) / 2)
          child = (child - 1) / 2
        }
      } else if isNearer(list, lists[0]) {
        lists[0] = list
        var parent = 0
        while true {
          var farthest = parent
          for child in [2 * parent + 1, 2 * parent + 2] where child < count {
            if isNearer(lists[farthest], lists[child]) { farthest = child }
          }
          guard farthest != parent else { break }
          lists.swapAt(parent, farthest)
          parent = farthest
        }
      }
    }
    lists.sort(by: isNearer)
  }
}
