internal import PQFormat
internal import PQKernels

/// The memory of one searching thread, allocated once and used for every query.
struct SearchScratch: ~Copyable {
  var group: QueryGroup
  var groups = GroupChoice()
  var choice = ListChoice()
  /// What the present query visits.
  var lists = ChosenLists()
  var codes: CodeScratch
  var work: ScanWork

  init(_ p: IndexParameters) {
    group = QueryGroup(p)
    codes = CodeScratch(p)
    work = ScanWork(p)
  }
}

/// A few queries that are prepared side by side, so that each load of a centroid or codebook serves all of them. Its
/// memory grows to what the largest group so far takes.
struct QueryGroup: ~Copyable {
  private var room = 0
  private let hasBracket: Bool
  private let isRotated: Bool
  private(set) var count = 0
  let dimension: Int
  let nlist: Int
  let tableFloats: Int
  /// `[query][component]`, normalised for cosine, and rotated, if centroids and codes are.
  var vectors: [Float] = []
  /// The same as they were before the rotation, if there is one.
  private var unrotated: [Float] = []
  /// `[query][component]`: what the tables are made of: the queries, or, with brackets, the queries minus the centre.
  var compared: [Float] = []
  /// The lengths of `compared`, with brackets.
  var lengths: [Double] = []
  /// `[query][list]`: keys of the lists' centroids: squared distances, or inner products negated; scores, where the lists
  /// are rounded and the query's norm is finite.
  var keys: [Float] = []
  /// Where the lists are rounded, integers of the queries, their squared norms, infinite ones where all lists were compared,
  /// and how far rounding has moved each.
  var rounded: [Int32] = []
  var norms: [Float] = []
  var moved: [Float] = []
  /// Where lists are rounded by their projections, those of the queries, `[query][component]`, and how far off they are.
  var projections: [Float] = []
  var errors: [Double] = []
  /// `[query][subspace][tableFloats]`: distances or inner products with the codewords; none where each list has its own.
  var tables: [Float] = []

  /// The most queries of a group, each of which is compared with about `lists` lists: of keys and tables of a few, which
  /// are within a part of the second-level cache, or, through groups of lists, of as many as make it likely that several
  /// take one.
  func capacity(comparing lists: Int, throughGroups: Bool) -> Int {
    let floats = max(1, tableFloats + lists)
    return throughGroups
      ? max(1, min(48, (3 << 20) / 4 / floats)) : max(1, min(24, (512 << 10) / 4 / floats))
  }

  init(_ p: IndexParameters) {
    dimension = p.dimension
    nlist = p.nlist
    tableFloats = p.comparison == .listTables ? 0 : p.tableFloats
    hasBracket = p.hasBracket
    isRotated = p.isRotated
  }

  /// Begins a group of at most `queries`.
  /// - Parameter throughGroups: whether lists are chosen through groups; then there are no ``keys``.
  mutating func begin(_ queries: Int, throughGroups: Bool) {
    count = 0
    if !throughGroups, keys.count < queries * nlist { keys = [Float](repeating: 0, count: queries * nlist) }
    guard queries > room else { return }
    room = queries
    vectors = [Float](repeating: 0, count: room * dimension)
    unrotated = isRotated ? vectors : []
    compared = hasBracket ? vectors : []
    lengths = [Double](repeating: 0, count: hasBracket ? room : 0)
    norms = [Float](repeating: .infinity, count: room)
    moved = norms
    errors = [Double](repeating: 0, count: room)
    tables = [Float](repeating: 0, count: room * tableFloats)
  }

  /// What stored rows are compared with: `[query][component]`.
  var comparedWithRows: [Float] { isRotated ? unrotated : vectors }

  /// Rotates the queries, which all are prepared. O(queries · dimension²).
  /// - Parameter axes: lane blocks.
  mutating func rotate(_ axes: Span<Float>) {
    swap(&vectors, &unrotated)
    Self.rotate(unrotated, count, dimension, axes, &vectors)
  }

  private static func rotate(
    _ queries: [Float], _ count: Int, _ dimension: Int, _ axes: Span<Float>, _ rotated: inout [Float]
  ) {
    let queries = queries.span.extracting(0..<count * dimension)
    var output = rotated.mutableSpan
    Kernels.best.batch(.innerProduct, queries, dimension: dimension, blocks: axes, count: dimension, into: &output)
  }

  /// Scores all lists for the queries, as ``keys`` and ``norms`` have it; returns how many queries have scores.
  mutating func score(_ rounding: ListRounding) -> Int {
    guard let lists = rounding.lists else { return 0 }
    if rounded.count < count * lists.queryWords { rounded = [Int32](repeating: 0, count: count * lists.queryWords) }
    guard let axes = rounding.axes else {
      return Self.score(lists, vectors, count, &rounded, &norms, &moved, &keys)
    }
    if projections.count < count * axes.projected {
      projections = [Float](repeating: 0, count: count * axes.projected)
    }
    for query in 0..<count { errors[query] = Self.project(vectors, vector(query), axes, query, &projections) }
    return Self.score(lists, projections, count, &rounded, &norms, &moved, &keys)
  }

  private static func project(
    _ vectors: [Float], _ vector: Range<Int>, _ axes: Axes, _ query: Int, _ projections: inout [Float]
  ) -> Double {
    var all = projections.mutableSpan
    var output = all.part(query * axes.projected..<(query + 1) * axes.projected)
    return Kernels.best.project(vectors.span.extracting(vector), on: axes, into: &output)
  }

  private static func score(
    _ lists: RoundedLists, _ vectors: [Float], _ count: Int, _ rounded: inout [Int32], _ norms: inout [Float],
    _ moved: inout [Float], _ keys: inout [Float]
  ) -> Int {
    let queries = vectors.span.extracting(0..<count * lists.dimension)
    var integers = rounded.mutableSpan
    var squares = norms.mutableSpan
    var distances = moved.mutableSpan
    var scores = keys.mutableSpan
    return Kernels.best.scores(
      lists, queries, rounded: &integers, norms: &squares, moved: &distances, into: &scores)
  }

  /// Adds the next query, of those that the group was begun for.
  mutating func append(_ query: Span<Float>, normalised: Bool) {
    let place = vector(count)
    var all = vectors.mutableSpan
    var row = all.part(place)
    for i in query.indices { row[i] = query[i] }
    if normalised { Normalize.row(&row) }
    count += 1
  }

  func vector(_ query: Int) -> Range<Int> { query * dimension..<(query + 1) * dimension }
  func keys(_ query: Int) -> Range<Int> { query * nlist..<(query + 1) * nlist }
  func tables(_ query: Int) -> Range<Int> { query * tableFloats..<(query + 1) * tableFloats }
}

/// What one query's candidates are found with.
struct ScanWork: ~Copyable {
  /// Nil unless l2 codes are residual; set by the first query.
  var model: ModelRows?
  /// Nil until it pays.
  var rounding: ListRounding?
  var directory = KnownDirectory()
  /// The query minus the centroid of a list.
  var residual: [Float]
  var pending = Pending()
  /// Distances of one frame's survivors, or rows.
  var distances: [Float]
  /// A decompressed frame of rows.
  var frame: [UInt8] = []
  /// A decompressed frame of ids.
  var ids: [UInt8] = []
  /// Of pending codes of one frame that need their distance: positions, and numbers among all that are pending there.
  var positions: [UInt16]
  var numbers: [UInt16]
  /// Distances or similarities of all pending codes.
  var pendingDistances: [Float] = []
  /// Candidates in the order of results, their ids and id frames, and where their rows are.
  var order: [UInt64] = []
  var winners: [UInt64] = []
  var idRuns: [IDRun] = []
  var offsets: [UInt64] = []
  var prefetch = Prefetch()
  var candidates = Candidates()
  var reranked = Candidates()

  init(_ p: IndexParameters) {
    residual = [Float](repeating: 0, count: p.comparison == .tables ? 0 : p.dimension)
    positions = [UInt16](repeating: 0, count: p.codeRoom)
    numbers = positions
    distances = [Float](repeating: 0, count: p.m > 0 ? p.codeRoom : p.rowsPerFrame)
  }
}

/// Moves an array out, so that it can be used beside the rest of a structure.
func take<Element>(_ array: inout [Element]) -> [Element] {
  var taken: [Element] = []
  swap(&taken, &array)
  return taken
}

/// The same of another structure, which `rest` stands in for.
func take<Value>(_ value: inout Value, leaving rest: Value) -> Value {
  var taken = rest
  swap(&taken, &value)
  return taken
}

/// How a query meets the codes of a list.
enum Comparison {
  /// The canonical distance is a sum of entries of the query's tables.
  case tables
  /// The same, with tables for each list: of the residual to its centroid.
  case listTables
  /// Tables of the query and brackets of the vectors bound the distance; it is computed from the codewords.
  case brackets
}

extension IndexParameters {
  /// Lanes of the largest code frame.
  var codeRoom: Int { codeLayout.map { CodeLayout.lanes($0.vectorsPerFrame) } ?? 0 }

  /// Floats of one query's tables: no more than the codebooks have.
  var tableFloats: Int { codeLayout.map { $0.m * $0.tableFloats } ?? 0 }

  /// Bytes of the quantized tables by which codes are scanned. There are none where they would take more than a few MiB:
  /// then every code's distance is computed.
  var scanEntries: Int {
    let bytes = codeLayout?.shape.tableBytes ?? 0
    return bytes <= 8 << 20 ? bytes : 0
  }

  /// Whether the keys of codes that a scan finds are bounded by the query's tables: with brackets, unless tables for two
  /// codes at once would take more than a few MiB.
  var estimates: Bool {
    comparison == .brackets && codeLayout.map { !$0.shape.pairsTables || $0.shape.estimateFloats <= 1 << 20 } == true
  }

  var comparison: Comparison {
    guard residual, case .l2 = metric else { return .tables }
    return hasBracket ? .brackets : .listTables
  }

  /// Whether the key of a list is part of the keys of its vectors: in a residual ip or cosine index.
  var addsListKey: Bool { residual && comparison == .tables }
}

extension Metric {
  var similarity: Similarity { self == .l2 ? .squaredL2 : .innerProduct }

  /// Keys are distances or negated similarities: smaller is better. Negation is exact and its own inverse.
  @inline(__always)
  func key(_ value: Float) -> Float {
    // Not by ==, which is generic for enumerations of another module.
    if case .l2 = self { value } else { -value }
  }
}

extension VectorEncoding {
  var rowType: RowType {
    switch self {
    case .none, .f32: .f32
    case .f16: .f16
    case .u8: .u8
    }
  }
}
