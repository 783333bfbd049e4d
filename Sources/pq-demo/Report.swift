import ToolSupport

/// What the demo prints: as tables, or as JSON under these names.
struct Report: Encodable {
  struct Row: Encodable {
    let index: String
    let recall: Double
    let msPerQuery: Double
    let fileBytes: Int
    let savedPercent: Double
    let speedup: Double
  }

  let vectors: UInt64
  let dimension: Int
  let queries: Int
  let k: Int
  let nlist: Int
  let nprobe: Int
  let indexes: [Row]
  let processes: [MappingProcess.Memory]

  /// - Parameter rows: the first is what the others are compared with.
  init(
    _ data: DataSet, nlist: Int, nprobe: Int, _ rows: [Measurement], _ processes: [MappingProcess.Memory]
  ) {
    vectors = data.baseCount
    dimension = data.dimension
    queries = data.queryCount
    k = data.k
    self.nlist = nlist
    self.nprobe = nprobe
    self.processes = processes
    let flat = rows[0]
    indexes = rows.map { row in
      Row(
        index: row.name, recall: row.recall, msPerQuery: row.milliseconds, fileBytes: row.fileBytes,
        savedPercent: 100 - 100 * Double(row.fileBytes) / Double(flat.fileBytes),
        speedup: flat.milliseconds / row.milliseconds)
    }
  }

  func printTables() {
    print(
      """
      \(vectors) vectors × \(dimension), \(queries) queries, k \(k), one query at a time on one thread
      PQ: m 8, nbits 8; IVF-PQ: the same, nlist \(nlist), nprobe \(nprobe)

      """)
    print(
      formatTable(
        header: ["index", "recall", "ms/query", "file MB", "saved", "speed-up"],
        rows: indexes.map { row in
          [
            row.index, formatNumber(row.recall, digits: 3), formatNumber(row.msPerQuery, digits: 4),
            formatNumber(Double(row.fileBytes) / 1e6, digits: 2), formatNumber(row.savedPercent, digits: 1) + " %",
            formatNumber(row.speedup, digits: 1) + " ×",
          ]
        }))
    print(
      """

      The article behind this table has 500,000 SIFT vectors, nlist 2048 and nprobe 48. It reports recall 100, 50 and
      52 %, 97 % of memory saved, and queries 5.5 × (PQ) and 92 × (IVF-PQ) faster than Flat. These are other vectors,
      so the figures differ.

      The IVF-PQ file mapped by \(processes.count) processes at once, after each has searched all queries:

      """)
    func kilobytes(_ bytes: UInt64) -> String { "\(bytes / 1000) kB" }
    func line(_ name: String, _ memory: [MappingProcess.Memory]) -> [String] {
      let fields = [\MappingProcess.Memory.rssBytes, \.pssBytes, \.indexRssBytes, \.indexPssBytes]
      return [name] + fields.map { field in kilobytes(memory.reduce(0) { $0 + $1[keyPath: field] }) }
    }
    print(
      formatTable(
        header: ["process", "RSS", "PSS", "file RSS", "file PSS"],
        rows: processes.enumerated().map { line("\($0.offset + 1)", [$0.element]) } + [line("sum", processes)]))
    print(
      """

      RSS counts every page that a process sees, PSS a page of p processes as 1/p: the sum of the file's PSS is the
      memory that the index takes, one copy for all.
      """)
  }
}
