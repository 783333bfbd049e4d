internal import PQFormat

extension Checkpoint {
  /// Throws `.badData` unless a build of such an index can have been here. Lengths of files are checked where these are
  /// opened. O(runs + one frame).
  func check(_ index: IndexParameters) throws(BuildError) {
    let spills = index.storesIDs
    try Self.require(input.rows <= IndexParameters.maximumCount && UInt64(input.lastRows) <= input.rows)
    try Self.require(isEncoded ? writer != nil : positions.isEmpty && (writer == nil || !spills))
    if spills { try checkRuns(recordBytes: UInt64(SpillRecord(index).byteCount)) }
    if let writer {
      try writer.check(index)
      // What is not spilled is one list, which ends with the encoding.
      try Self.require(spills || writer.list == (isEncoded ? 1 : 0))
    }
  }

  /// Runs follow each other, and each position is in its run, before a record or at the end.
  private func checkRuns(recordBytes: UInt64) throws(BuildError) {
    var start: UInt64 = 0
    for end in runs.ends {
      try Self.require(end >= start && end % recordBytes == 0)
      start = end
    }
    guard !positions.isEmpty else { return }
    try Self.require(positions.count == runs.count)
    for (run, position) in positions.enumerated() {
      let range = runs.range(run)
      try Self.require(
        position >= range.lowerBound && position <= range.upperBound && position % recordBytes == 0)
    }
  }

  fileprivate static func require(_ holds: Bool) throws(BuildError) {
    guard holds else {
      throw .badData(
        "--resume: the journal tells of a place where this build cannot have been; start again with --force")
    }
  }
}

extension IndexWriter.State {
  /// What no file holds yet is less than a frame, and nothing else is out of range.
  fileprivate func check(_ index: IndexParameters) throws(BuildError) {
    func partOfFrame(_ count: Int, _ size: Int, _ kind: SectionKind) -> Bool {
      size == 0 ? count == 0 : count % size == 0 && count / size < index.vectorsPerFrame(kind)
    }
    try Checkpoint.require(list <= UInt64(index.listCount) && listVectors <= IndexParameters.maximumCount)
    try Checkpoint.require(count <= IndexParameters.maximumCount && frameCount <= IndexParameters.maximumCount)
    for frames in [codeFrames, idFrames, vectorFrames] {
      try Checkpoint.require(frames.count <= IndexParameters.maximumCount)
    }
    try Checkpoint.require(
      partOfFrame(codes.count, 2 * index.m, .codes) && partOfFrame(ids.count, index.storesIDs ? 1 : 0, .ids)
        && partOfFrame(rows.count, index.rowBytes, .vectors))
    for i in stride(from: 0, to: codes.count, by: 2) {
      try Checkpoint.require(codes.rawSpan.u16(at: i) >> UInt16(index.nbits) == 0)
    }
  }
}
