internal import PQFormat
internal import PQKernels
internal import PQStorage

/// Vectors on their way from input order to list order: buckets of neighbouring lists, each in input order.
///
/// One file holds the buckets' blocks as they fill, so that writing is sequential whatever their number.
struct ListSpill: ~Copyable {
  let record: SpillRecord
  /// Vectors of each list so far.
  private(set) var counts: [UInt64]
  /// False once an id was not above the one before it in the input.
  private(set) var idsAscend = true
  private var lastID: UInt64?
  private var file: WorkFile
  private var buckets: [Bucket]
  private let listsPerBucket: Int
  private let blockBytes: Int

  private struct Bucket {
    var buffer: [UInt8] = []
    var blocks: [(offset: UInt64, length: Int)] = []
  }

  /// - Parameters:
  ///   - expected: the number of vectors to come, if known.
  ///   - memory: what grouping may hold of one bucket; a quarter of that serves as buffers here.
  init(
    _ index: IndexParameters, expected: UInt64?, memory: UInt64, folder: borrowing WorkFolder
  ) throws(FileError) {
    let record = SpillRecord(index)
    let file = try WorkFile(creating: folder.file("spill"))
    let total = expected.map { $0 * UInt64(record.byteCount) } ?? 64 * memory
    let wanted = Int(min(1024, 2 * total / max(1, memory) + 1))
    listsPerBucket = (index.listCount + wanted - 1) / wanted
    let count = (index.listCount + listsPerBucket - 1) / listsPerBucket
    blockBytes = max(record.byteCount, min(1 << 20, Int(memory / 4) / count)) / record.byteCount * record.byteCount
    buckets = [Bucket](repeating: Bucket(), count: count)
    counts = [UInt64](repeating: 0, count: index.listCount)
    self.record = record
    self.file = file
  }

  var bucketCount: Int { buckets.count }

  func lists(ofBucket bucket: Int) -> Range<Int> {
    bucket * listsPerBucket..<min(counts.count, (bucket + 1) * listsPerBucket)
  }

  /// Adds one chunk of vectors: the list of each (list 0 if there are none), its id, codes `[vector][m]`, packed row.
  mutating func append(lists: [UInt32], ids: [UInt64], codes: Span<UInt16>, rows: RawSpan) throws(FileError) {
    for (i, id) in ids.enumerated() {
      if let lastID, id <= lastID { idsAscend = false }
      lastID = id
      let list = lists.isEmpty ? 0 : lists[i]
      counts[Int(list)] += 1
      let bucket = Int(list) / listsPerBucket
      record.append(
        list: list, id: id, codes: codes, firstCode: i * record.m, rows: rows, firstByte: i * record.rowBytes,
        to: &buckets[bucket].buffer)
      if buckets[bucket].buffer.count >= blockBytes { try flush(bucket) }
    }
  }

  private mutating func flush(_ bucket: Int) throws(FileError) {
    let buffer = buckets[bucket].buffer  // a span of self's cannot live while self changes
    guard !buffer.isEmpty else { return }
    buckets[bucket].blocks.append((file.position, buffer.count))
    try file.append(buffer.rawSpan)
    buckets[bucket].buffer.removeAll(keepingCapacity: true)
  }

  /// Writes out what is buffered and gives the buffers' memory back.
  mutating func endAppending() throws(FileError) {
    for bucket in buckets.indices {
      try flush(bucket)
      buckets[bucket].buffer = []
    }
  }

  /// The number of blocks of a bucket.
  func blockCount(_ bucket: Int) -> Int { buckets[bucket].blocks.count }

  /// Reads one block of a bucket: whole records in input order, the first `return value` bytes of `chunk`.
  mutating func readBlock(_ block: Int, ofBucket bucket: Int, into chunk: inout [UInt8]) throws(FileError) -> Int {
    let (offset, length) = buckets[bucket].blocks[block]
    if chunk.count != length { chunk = [UInt8](repeating: 0, count: length) }
    return try file.read(at: offset, into: &chunk)
  }
}
