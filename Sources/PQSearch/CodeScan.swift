internal import PQFormat
internal import PQKernels

/// What the scan of one query's codes goes by.
struct CodeScan {
  let shape: CodeShape
  /// Where the query's float tables are among those of its group.
  let tables: Range<Int>
  /// Whether quantized tables tell which codes may be among the best; else all may.
  let filters: Bool
  /// Whether the query's tables can bound the keys of those more closely, and whether they always do.
  let canEstimate: Bool
  let estimates: Bool
  /// Whether the scan takes checksums of frames that were not used before: no byte leads it out of its tables.
  let checks: Bool
  /// The length of the query minus the centre, and what no residual exceeds: 0 without brackets.
  let length: Double
  let longest: Double
}

/// A frame of codes, and what the sums of its codes say.
struct CodeVisit {
  let frame: FrameView
  /// Of its list; 0 without lists.
  let key: Float
  /// What ``bound`` allows for rounding, with brackets.
  let rounding: Double
  let bound: CodeBound
}

/// The memory of a scan.
struct CodeScratch: ~Copyable {
  var frames = CodeFrames()
  var quantized: QuantizedTables
  /// Tables of one list `[m][tableFloats]`, where each list has its own.
  var listTables: [Float]
  /// Tables of the query for two codes at once, where estimates are made by such.
  var pairTables: [Float]
  /// Of the frames that are scanned first.
  var first = FirstSums()
  var survivors: Survivors
  /// Of them, those with the least sums.
  var nearest: Survivors
  /// The frame in work, if it is compressed. To keep others for the queries that follow gains nothing: they are read from
  /// farther than their blocks are.
  var decompressed: [UInt8] = []
  /// As of ``CodeFrame``: each query scans all codes of an index without lists.
  let streams: Bool

  init(_ p: IndexParameters) {
    quantized = QuantizedTables(p)
    let planes = p.codeLayout?.shape.planes ?? 0
    streams = p.nlist == 0 && planes > 0 && p.count > CodeFrame.cachedBytes / planes
    listTables = [Float](repeating: 0, count: p.comparison == .listTables ? p.tableFloats : 0)
    let pairs = p.estimates ? p.codeLayout.map { $0.shape.pairsTables ? $0.shape.estimateFloats : 0 } ?? 0 : 0
    pairTables = [Float](repeating: 0, count: pairs)
    survivors = Survivors(room: p.codeRoom)
    nearest = survivors
  }
}
