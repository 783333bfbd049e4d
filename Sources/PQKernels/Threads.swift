internal import Glibc
internal import Synchronization

/// Runs pieces of work on a given number of threads: the caller's number, no pool that outlives the call.
package enum Threads {
  /// The numbers of threads that a caller may ask for.
  package static let range = 1...1024

  /// Calls `body` once for every piece in `0..<pieces`, on `threads` threads (the calling one included), and returns
  /// when all have returned. Which thread takes which piece is not fixed: results must depend on the piece alone.
  package static func run(pieces: Int, threads: Int, _ body: @Sendable (Int) -> Void) {
    guard pieces > 1, threads > 1 else {
      for piece in 0..<max(0, pieces) { body(piece) }
      return
    }
    withoutActuallyEscaping(body) { body in
      let work = Work(pieces: pieces, body: body)
      var started: [pthread_t] = []
      // `work` stays alive until every thread is joined below.
      for _ in 1..<min(threads, pieces) {
        guard let thread = start(work) else { break }  // no thread to be had: the others do its share
        started.append(thread)
      }
      work.takePieces()
      for thread in started { pthread_join(thread, nil) }
    }
  }

  /// Runs `helper` on `count` threads of its own, or as many as are to be had, while `body` runs on the calling one;
  /// returns when all have ended.
  package static func helped<Result, Failure: Error>(
    by count: Int, _ helper: @Sendable () -> Void, while body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try withoutActuallyEscaping(helper) { helper throws(Failure) in
      let work = Work(pieces: max(0, count)) { _ in helper() }
      // `work` stays alive until every thread is joined below.
      var started: [pthread_t] = []
      while started.count < count, let thread = start(work) { started.append(thread) }
      defer { for thread in started { pthread_join(thread, nil) } }
      return try body()
    }
  }

  /// Fills `output`, `stride` elements a row, in pieces of `rowsPerPiece` rows; `body` gets a piece's rows and its
  /// part of the output. The pieces are the same for every number of threads.
  package static func fill<Element>(
    _ output: inout MutableSpan<Element>, stride: Int = 1, rowsPerPiece: Int, threads: Int,
    _ body: @Sendable (Range<Int>, inout MutableSpan<Element>) -> Void
  ) {
    let rows = output.count / stride
    let pieces = (rows + rowsPerPiece - 1) / rowsPerPiece
    unsafe output.withUnsafeMutableBufferPointer { output in
      // Pieces are disjoint ranges, so no two threads share an element.
      nonisolated(unsafe) let output = unsafe output
      run(pieces: pieces, threads: threads) { piece in
        let range = piece * rowsPerPiece..<min(rows, (piece + 1) * rowsPerPiece)
        let part = unsafe UnsafeMutableBufferPointer(
          rebasing: output[range.lowerBound * stride..<range.upperBound * stride])
        var span = unsafe MutableSpan(_unsafeElements: part)
        body(range, &span)
      }
    }
  }

  /// The results of `body` for `0..<count`, in this order.
  package static func map<Result: Sendable>(
    count: Int, threads: Int, _ body: @Sendable (Int) -> Result
  ) -> [Result] {
    var results = [Result?](repeating: nil, count: count)
    var output = results.mutableSpan
    fill(&output, rowsPerPiece: 1, threads: threads) { range, output in output[0] = body(range.lowerBound) }
    return results.compactMap { $0 }
  }

  private final class Work: ThreadBody {
    let pieces: Int
    let body: @Sendable (Int) -> Void
    let next = Atomic(0)

    init(pieces: Int, body: @escaping @Sendable (Int) -> Void) {
      self.pieces = pieces
      self.body = body
    }

    func run() { takePieces() }

    func takePieces() {
      while true {
        let piece = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard piece < pieces else { return }
        body(piece)
      }
    }
  }
}

/// The value of an environment variable.
func environment(_ name: String) -> String? {
  unsafe getenv(name).map { unsafe String(cString: $0) }
}
