internal import PQKernels
internal import Synchronization

/// Tells who waits for a stream that nobody wants more of it.
final class Ending: Sendable {
  private let flag = Atomic<Bool>(false)

  var isSet: Bool { flag.load(ordering: .relaxed) }
  func set() { flag.store(true, ordering: .relaxed) }
}

/// A ring of chunks that are filled, encoded, and handed on in the order of the input.
///
/// Each thread takes a whole chunk on its way: it reads it, alone, then encodes it beside the others, and goes on with
/// the next free one. None waits for another unless the ring has no more chunks, and what is handed on does not depend
/// on who was faster.
final class ChunkRing<Source: ChunkSource & ~Copyable>: Sendable {
  private let encoder: ChunkEncoder
  private let ending: Ending
  private let input: Mutex<Input>
  private let ring: Monitor<Ring>

  private struct Input: ~Copyable {
    var source: Source
    /// Chunks that were read from it.
    var count = 0
    var hasEnded = false
  }

  private struct Ring {
    var free: [Chunk]
    /// Chunks on whose turn the caller waits, by their number in the input.
    var encoded: [Int: Result<Chunk, BuildError>] = [:]
    /// The number whose turn it is.
    var turn = 0
    /// Whether no more chunks are to be read.
    var hasEnded = false

    var hasTurn: Bool { encoded[turn] != nil }
    var hasFree: Bool { !hasEnded && !free.isEmpty }

    mutating func takeTurn() -> Result<Chunk, BuildError>? {
      guard let result = encoded.removeValue(forKey: turn) else { return nil }
      turn += 1
      return result
    }

    mutating func takeFree() -> Chunk? { hasEnded ? nil : free.popLast() }
  }

  /// - Parameter ending: set when a chunk has a fault, or is not wanted: the source may be waiting for the next one.
  init(_ source: consuming Source, _ encoder: ChunkEncoder, chunks: Int, ending: Ending) {
    self.encoder = encoder
    self.ending = ending
    input = Mutex(Input(source: source))
    ring = Monitor(Ring(free: [Chunk](repeating: Chunk(), count: chunks)))
  }

  /// Calls `body` on this thread for every chunk, in the order of the input.
  /// - Throws: what the source, the encoder or `body` throws, for the first chunk that has a fault.
  func run(threads: Int, _ body: (Chunk) throws(BuildError) -> Void) throws(BuildError) {
    try Threads.helped(by: threads - 1, help) { () throws(BuildError) in
      defer {
        ending.set()
        ring.change { $0.hasEnded = true }
      }
      while true {
        let (encoded, free) = ring.when({ $0.hasTurn || $0.hasFree }) { ring in
          let encoded = ring.takeTurn()
          return (encoded, encoded == nil ? ring.takeFree() : nil)
        }
        if let free { encode(free) }
        guard let encoded else { continue }
        let chunk = try encoded.get()
        guard chunk.count > 0 else { return }
        try body(chunk)
        ring.change { $0.free.append(chunk) }
      }
    }
  }

  private func help() {
    while let chunk = ring.when({ $0.hasEnded || $0.hasFree }, { $0.takeFree() }) { encode(chunk) }
  }

  /// Fills and encodes a chunk; the last one, of no rows, or with a fault, ends the reading.
  private func encode(_ free: consuming Chunk) {
    var chunk = free
    let (number, failure) = input.withLock { input in next(&input, &chunk) }
    var result: Result<Chunk, BuildError>
    if let failure {
      result = .failure(failure)
    } else {
      result = Result { () throws(BuildError) in
        if chunk.count > 0 { try encoder.encode(&chunk) }
        return chunk
      }
    }
    let isLast = (try? result.get().count) ?? 0 == 0
    if isLast { ending.set() }
    ring.change { ring in
      ring.encoded[number] = result
      if isLast { ring.hasEnded = true }
    }
  }

  private func next(_ input: inout Input, _ chunk: inout Chunk) -> (number: Int, failure: BuildError?) {
    let number = input.count
    input.count += 1
    chunk.count = 0
    if input.hasEnded { return (number, nil) }
    do throws(BuildError) { try input.source.next(into: &chunk) } catch {
      input.hasEnded = true
      return (number, error)
    }
    input.hasEnded = chunk.count == 0
    return (number, nil)
  }
}
