/// The layout in which kernels read centroids and codebooks, in memory and in the file: blocks of 16 vectors,
/// each `[component][16 lanes]` f32, the last one padded with zeros (Formats/pqx-v1.md, "Lane blocks").
@usableFromInline package enum LaneBlocks {
  @inlinable package static var lanes: Int { 16 }

  @inlinable package static func blocks(_ vectors: Int) -> Int { (vectors + lanes - 1) / lanes }

  @inlinable package static func floats(vectors: Int, dimension: Int) -> Int { blocks(vectors) * lanes * dimension }

  /// Where component `component` of vector `vector` stands.
  @inlinable @inline(__always)
  package static func index(vector: Int, component: Int, dimension: Int) -> Int {
    ((vector / lanes) * dimension + component) * lanes + vector % lanes
  }

  /// Blocks of the row-major `rows` `[vector][component]`. O(rows).
  package static func pack(_ rows: Span<Float>, dimension: Int) -> [Float] {
    let vectors = rows.count / dimension
    var blocks = [Float](repeating: 0, count: floats(vectors: vectors, dimension: dimension))
    for v in 0..<vectors {
      for c in 0..<dimension { blocks[index(vector: v, component: c, dimension: dimension)] = rows[v * dimension + c] }
    }
    return blocks
  }

  /// Appends the components of one vector to `row`. O(dimension).
  package static func appendRow(_ vector: Int, of blocks: Span<Float>, dimension: Int, to row: inout [Float]) {
    for c in 0..<dimension { row.append(blocks[index(vector: vector, component: c, dimension: dimension)]) }
  }

  /// Appends the components of the first `vectors` vectors to `rows`, what ``pack(_:dimension:)`` undoes. O(rows).
  package static func appendRows(_ vectors: Int, of blocks: Span<Float>, dimension: Int, to rows: inout [Float]) {
    let start = rows.count
    rows.append(contentsOf: repeatElement(0, count: vectors * dimension))
    var output = rows.mutableSpan
    var place = start
    for vector in 0..<vectors {
      let lane = blocks.extracting(index(vector: vector, component: 0, dimension: dimension)...)
      for c in 0..<dimension { output[place + c] = lane[c * lanes] }
      place += dimension
    }
  }
}
