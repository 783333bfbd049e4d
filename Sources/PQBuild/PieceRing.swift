internal import PQKernels

/// A ring of pieces that are filled and written by the caller, in order, and encoded in between, beside each other, by
/// whoever is free. The frames do not depend on who that was.
final class PieceRing: Sendable {
  private let ring: Monitor<Ring>

  private struct Ring {
    var free: [MergePiece]
    /// Pieces to be encoded, in order; the first of them has the number `started`.
    var filled: [MergePiece] = []
    var started = 0
    /// Pieces to be written, by their number.
    var encoded: [Int: MergePiece] = [:]
    /// The number of the piece that is written next.
    var turn = 0
    var hasEnded = false

    /// Pieces that were handed on and not yet written.
    var isBusy: Bool { turn < started + filled.count }

    mutating func takeFilled() -> (Int, MergePiece) {
      started += 1
      return (started - 1, filled.removeFirst())
    }

    mutating func takeTurn() -> MergePiece? {
      guard let piece = encoded.removeValue(forKey: turn) else { return nil }
      turn += 1
      return piece
    }
  }

  init(_ pieces: [MergePiece]) { ring = Monitor(Ring(free: pieces)) }

  /// Calls `body` on this thread while `threads` − 1 others encode.
  func run(threads: Int, _ body: () throws(BuildError) -> Void) throws(BuildError) {
    try Threads.helped(by: threads - 1, help) { () throws(BuildError) in
      defer { ring.change { $0.hasEnded = true } }
      try body()
    }
  }

  private func help() {
    while let (number, piece) = ring.when(
      { $0.hasEnded || !$0.filled.isEmpty }, { $0.hasEnded ? nil : $0.takeFilled() })
    {
      encode(piece, number)
    }
  }

  private func encode(_ piece: MergePiece, _ number: Int) {
    piece.encode()
    ring.change { $0.encoded[number] = piece }
  }

  /// A piece to be filled, once there is one; pieces whose turn comes meanwhile are handed to `write`.
  func free(_ write: (MergePiece) throws(BuildError) -> Void) throws(BuildError) -> MergePiece {
    while true {
      if let piece = try step(write, isDone: { !$0.free.isEmpty }, { $0.free.removeLast() }) { return piece }
    }
  }

  /// Hands a filled piece on.
  func put(_ piece: MergePiece) { ring.change { $0.filled.append(piece) } }

  /// Hands all pieces to `write` that have not been.
  func finish(_ write: (MergePiece) throws(BuildError) -> Void) throws(BuildError) {
    while try step(write, isDone: { !$0.isBusy }, { _ in true }) == nil {}
  }

  /// Writes a piece whose turn it is, or gives the result, or encodes a piece, or waits until one of these can be done.
  private func step<Result>(
    _ write: (MergePiece) throws(BuildError) -> Void, isDone: (Ring) -> Bool, _ result: (inout Ring) -> Result
  ) throws(BuildError) -> Result? {
    let step = ring.when({ $0.encoded[$0.turn] != nil || isDone($0) || !$0.filled.isEmpty }) { ring in
      if let piece = ring.takeTurn() { return Step<Result>.write(piece) }
      if isDone(ring) { return .done(result(&ring)) }
      let (number, piece) = ring.takeFilled()
      return .encode(piece, number)
    }
    switch step {
    case .write(let piece):
      try write(piece)
      piece.removeAll()
      ring.change { $0.free.append(piece) }
    case .encode(let piece, let number): encode(piece, number)
    case .done(let result): return result
    }
    return nil
  }

  private enum Step<Result> {
    case write(MergePiece)
    case encode(MergePiece, Int)
    case done(Result)
  }
}
