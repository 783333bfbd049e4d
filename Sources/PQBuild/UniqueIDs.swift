internal import PQKernels
internal import PQStorage

/// The check that the ids of an index are unique, in bounded memory.
enum UniqueIDs {
  /// Of an id: itself, an eighth for hashes that are not quite even, and half of it to sort in.
  private static let bytes: UInt64 = 13
  private static let leastRoom: UInt64 = 1 << 20

  /// What of `memory` the check may take: a quarter, or what is left beside what a build takes at least.
  static func room(_ memory: UInt64, beside taken: UInt64) -> UInt64 {
    max(leastRoom, min(memory / 4, memory - min(memory, taken)))
  }

  /// Ids in strictly ascending order are; others are read again in as many passes as memory asks for, each sorting
  /// the ids whose hash falls to it. O(passes · n + n log n).
  static func check(_ reader: inout IDReader, memory: UInt64) throws(BuildError) {
    let ascends = try BuildError.onInputs { () throws(VectorFileError) in
      var chunk: [UInt64] = []
      var last: UInt64?
      var ascends = true
      while reader.position < reader.count, ascends {
        try reader.read(maxCount: 65_536, into: &chunk)
        for id in chunk {
          if let last, id <= last { ascends = false }
          last = id
        }
      }
      try reader.seek(toRow: 0)
      return ascends
    }
    guard !ascends else { return }
    let repeated = try firstRepeated(count: reader.count, memory: memory) { visit throws(BuildError) in
      try BuildError.onInputs { () throws(VectorFileError) in
        var chunk: [UInt64] = []
        while reader.position < reader.count {
          try reader.read(maxCount: 65_536, into: &chunk)
          for id in chunk { visit(id) }
        }
        try reader.seek(toRow: 0)
      }
    }
    if let repeated { throw .badData("\(reader.path): id \(repeated) occurs twice; ids must be unique") }
  }

  /// An id that occurs twice among `count` ids, which `forEach` goes through in as many passes as memory asks for.
  static func firstRepeated(
    count: UInt64, memory: UInt64, _ forEach: ((UInt64) -> Void) throws(BuildError) -> Void
  ) throws(BuildError) -> UInt64? {
    let passes = bytes * count / max(leastRoom, memory) + 1
    for pass in 0..<passes {
      // Hashes are uniform: no more fall to a pass, unless an id is among them many times.
      var room = Int(count / passes + count / passes / 8) + 4096
      var ids: [UInt64] = []
      ids.reserveCapacity(room)
      var repeated: UInt64?
      try forEach { id in
        guard repeated == nil, SplitMix64.hash(id, seed: 0) % passes == pass else { return }
        if ids.count == room {
          repeated = firstRepeated(&ids)
          room += room / 2
        }
        ids.append(id)
      }
      if let repeated = repeated ?? firstRepeated(&ids) { return repeated }
    }
    return nil
  }

  /// One of the ids that are there twice; sorts them.
  private static func firstRepeated(_ ids: inout [UInt64]) -> UInt64? {
    ids.sort()
    for i in ids.indices.dropFirst() where ids[i] == ids[i - 1] { return ids[i] }
    return nil
  }
}
