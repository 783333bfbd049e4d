internal import PQFormat

/// What verification has found, each problem once, up to a limit: a file that is damaged all over needs no full list.
struct Problems {
  private(set) var all: [FormatError] = []

  static let limit = 100

  var isFull: Bool { all.count >= Self.limit }

  mutating func add(_ problem: FormatError) {
    // A damaged page of the directory is met once for every list or frame on it.
    if !isFull, !all.contains(problem) { all.append(problem) }
  }
}
