internal import PQFormat
internal import PQKernels

/// The code frames of a query's lists in the order in which they are scanned, nearest list first, some at a time: their
/// entries are looked up side by side, so that none waits until another one's has come from memory.
struct CodeFrames {
  /// A frame whose bytes are not yet looked at, and the key of its list: 0 without lists.
  struct Listed {
    let frame: FrameView
    let key: Float
  }

  /// Frames that are found together: as many as may be scanned first.
  private static let room = FirstSums.room / Kernels.sumRoom(1)

  /// Those found last.
  private(set) var found: [Listed] = []
  /// The list at which the next one is looked for, by its place among the chosen ones, and the next frame there.
  private var place = 0
  private var index = 0
  /// The lists before this place have had their entries fetched.
  private var fetched = 0

  var count: Int { found.count }

  /// Begins with the first list.
  mutating func begin() {
    found.removeAll(keepingCapacity: true)
    (place, index, fetched) = (0, 0, 0)
  }

  /// Finds the next frames of `lists`.
  fileprivate mutating func findNext(
    _ lists: ChosenLists, _ file: borrowing IndexFile, _ directory: KnownDirectory
  ) throws(FormatError) {
    found.removeAll(keepingCapacity: true)
    while place < lists.count {
      if place == fetched {
        fetched = min(place + Self.room, lists.count)
        file.fetchEntries(lists.numbers[place..<fetched], directory)
      }
      let list = try file.list(Int(lists.numbers[place]), directory)
      let key = lists.keys.isEmpty ? 0 : lists.keys[place]
      let frames = file.frameCount(.codes, list)
      while index < frames {
        if found.count == Self.room { return }
        found.append(Listed(frame: try file.frameView(.codes, list, index, directory), key: key))
        index += 1
      }
      (place, index) = (place + 1, 0)
    }
  }
}

extension IndexFile {
  /// Finds the next code frames of `lists`; false if there are none. O(frames found + lists without one).
  borrowing func findNext(
    _ frames: inout CodeFrames, _ lists: ChosenLists, _ directory: KnownDirectory
  ) throws(FormatError) -> Bool {
    try frames.findNext(lists, self, directory)
    return frames.count > 0
  }
}
