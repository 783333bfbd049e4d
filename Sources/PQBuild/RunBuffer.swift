internal import PQFormat
internal import PQKernels

/// Encoded vectors in the order of the input, until they are sorted by list and id and written as one run.
struct RunBuffer: Sendable {
  let record: SpillRecord
  private let listCount: Int
  /// Vectors that it holds at most.
  let capacity: Int
  private(set) var records: [UInt8] = []
  private(set) var firstID: UInt64?
  private(set) var lastID: UInt64?
  /// False once an id was not above the one before it.
  private(set) var idsAscend = true

  init(_ index: IndexParameters, capacity: Int) {
    record = SpillRecord(index)
    listCount = index.listCount
    self.capacity = capacity
    records.reserveCapacity(capacity * record.byteCount)
  }

  var count: Int { records.count / record.byteCount }
  var isEmpty: Bool { records.isEmpty }

  mutating func removeAll() {
    records.removeAll(keepingCapacity: true)
    (firstID, lastID, idsAscend) = (nil, nil, true)
  }

  /// Adds vectors: the list of each (list 0 if there are none), its id, codes `[vector][m]`, packed row.
  /// - Precondition: there is room for them.
  mutating func append(lists: [UInt32], ids: [UInt64], codes: [UInt16], rows: [UInt8], threads: Int) {
    precondition(count + ids.count <= capacity, "the buffer is full")
    for id in ids {
      if let lastID, id <= lastID { idsAscend = false }
      lastID = id
    }
    firstID = firstID ?? ids.first
    let start = records.count
    records.append(contentsOf: repeatElement(0, count: ids.count * record.byteCount))
    let record = record
    var all = records.mutableSpan
    var added = all.part(start..<start + ids.count * record.byteCount)
    Threads.fill(&added, stride: record.byteCount, rowsPerPiece: 1024, threads: threads) { range, output in
      for i in range {
        record.put(
          list: lists.isEmpty ? 0 : lists[i], id: ids[i], codes: codes.span, firstCode: i * record.m, rows: rows.span,
          firstByte: i * record.rowBytes, at: (i - range.lowerBound) * record.byteCount, to: &output)
      }
    }
  }

  /// The numbers of the vectors, by list, then by id. O(vectors + lists), O(vectors · log) for ids in any order.
  func order() -> [UInt32] {
    let bytes = records.rawSpan
    let size = record.byteCount
    var starts = [UInt32](repeating: 0, count: listCount + 1)
    for base in stride(from: 0, to: bytes.byteCount, by: size) {
      starts[Int(bytes.u32(at: base + SpillRecord.listOffset)) + 1] += 1
    }
    for list in 0..<listCount { starts[list + 1] += starts[list] }
    var order = [UInt32](repeating: 0, count: count)
    for i in order.indices {
      let list = Int(bytes.u32(at: i * size + SpillRecord.listOffset))
      order[Int(starts[list])] = UInt32(i)
      starts[list] += 1
    }
    guard !idsAscend else { return order }
    // Each list now ends where it started before, plus its vectors: at `starts[list]`.
    for list in 0..<listCount {
      order[Int(list == 0 ? 0 : starts[list - 1])..<Int(starts[list])].sort { a, b in
        let bytes = records.rawSpan
        return bytes.u64(at: Int(a) * size + SpillRecord.idOffset) < bytes.u64(at: Int(b) * size + SpillRecord.idOffset)
      }
    }
    return order
  }
}
