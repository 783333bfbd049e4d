internal import PQFormat

/// Encoded vectors in the order of the input, until they are sorted by list and id and written as one run.
struct RunBuffer: Sendable {
  let record: SpillRecord
  let listCount: Int
  /// Vectors that it holds at most.
  let capacity: Int
  private(set) var records: [UInt8] = []
  private static let mostReserved = 256 << 20
  private(set) var firstID: UInt64?
  private(set) var lastID: UInt64?
  /// False once an id was not above the one before it.
  private(set) var idsAscend = true

  init(_ index: IndexParameters, capacity: Int) {
    record = SpillRecord(index)
    listCount = index.listCount
    self.capacity = capacity
  }

  var count: Int { records.count / record.byteCount }
  var isEmpty: Bool { records.isEmpty }

  mutating func removeAll() {
    records.removeAll(keepingCapacity: true)
    (firstID, lastID, idsAscend) = (nil, nil, true)
  }

  /// Adds the rows of an encoded chunk, to list 0 if there are no lists.
  /// - Parameter first: the id of its first row, where it has no ids; they count up from there.
  /// - Precondition: there is room for them.
  mutating func append(_ chunk: Chunk, firstID first: UInt64) {
    precondition(count + chunk.count <= capacity, "the buffer is full")
    let start = records.count
    let record = record
    let planned = capacity * record.byteCount
    // Growing, it would take more than it is planned to take for a while; of a large budget that is a small part, and
    // there may be few vectors.
    if records.isEmpty, planned <= Self.mostReserved { records.reserveCapacity(planned) }
    records.append(contentsOf: repeatElement(0, count: chunk.count * record.byteCount))
    var output = records.mutableSpan
    for i in 0..<chunk.count {
      record.put(
        list: chunk.lists.isEmpty ? 0 : chunk.lists[i], id: chunk.ids?[i] ?? first + UInt64(i),
        codes: chunk.codes.span, firstCode: i * record.m, rows: chunk.packed.span, firstByte: i * record.rowBytes,
        at: start + i * record.byteCount, to: &output)
    }
    for i in 0..<chunk.count { record.seal(&records, at: start + i * record.byteCount) }
    if let ids = chunk.ids {
      for id in ids { note(id...id) }
    } else {
      note(first...first + UInt64(chunk.count - 1))
    }
  }

  private mutating func note(_ ids: ClosedRange<UInt64>) {
    if let lastID, ids.lowerBound <= lastID { idsAscend = false }
    firstID = firstID ?? ids.lowerBound
    lastID = ids.upperBound
  }
}

/// The numbers of a buffer's vectors by list, then by id. Its arrays serve one buffer after another.
struct RunOrder: Sendable {
  private(set) var numbers: [UInt32] = []
  /// Where the next vector of each list goes in `numbers`.
  private var places: [UInt32] = []

  /// O(vectors + lists), O(vectors · log) for ids in any order.
  mutating func fill(_ buffer: RunBuffer) {
    let (count, lists, size) = (buffer.count, buffer.listCount, buffer.record.byteCount)
    let bytes = buffer.records.rawSpan
    func list(_ i: Int, _ bytes: RawSpan) -> Int { Int(bytes.u32(at: i * size + SpillRecord.listOffset)) }
    places.removeAll(keepingCapacity: true)
    places.append(contentsOf: repeatElement(0, count: lists + 1))
    for i in 0..<count { places[list(i, bytes) + 1] += 1 }
    for list in 0..<lists { places[list + 1] += places[list] }
    numbers.reserveCapacity(count)
    numbers.removeAll(keepingCapacity: true)
    numbers.append(contentsOf: repeatElement(0, count: count))
    for i in 0..<count {
      let list = list(i, bytes)
      numbers[Int(places[list])] = UInt32(i)
      places[list] += 1
    }
    guard !buffer.idsAscend else { return }
    // Each list's place is now its end.
    var start = 0
    for list in 0..<lists {
      let end = Int(places[list])
      numbers[start..<end].sort { a, b in
        let bytes = buffer.records.rawSpan
        return bytes.u64(at: Int(a) * size + SpillRecord.idOffset) < bytes.u64(at: Int(b) * size + SpillRecord.idOffset)
      }
      start = end
    }
  }
}
