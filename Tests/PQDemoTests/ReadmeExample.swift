import PQBuild
import PQSearch

/// Builds an index of a vector file and returns the ten nearest rows of each query: the example of README.md.
func nearestRows(of queries: [[Float]], in vectorFile: String, building indexFile: String) throws -> [[Neighbor]] {
  var parameters = BuildParameters()  // IVF-PQ, squared L2
  parameters.m = 16
  parameters.threads = 2
  var build = FileBuild(input: VectorSource(path: vectorFile), output: indexFile, parameters: parameters)
  build.progress = { step in
    if case .encoded(let rows, _, _) = step { print("\(rows) rows encoded") }
  }
  let report = try build.run()
  print("\(report.vectors) vectors in \(report.fileBytes) bytes")

  let index = try Index(path: indexFile)  // maps the file; share it between threads
  var searcher = Searcher(index)  // one for each thread
  return try queries.map { query in
    var neighbors: [Neighbor] = []
    try searcher.search(query.span, SearchOptions(k: 10, nprobe: 32), into: &neighbors)
    return neighbors
  }
}
