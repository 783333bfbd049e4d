internal import PQFormat

/// The code frames of a query's lists in the order in which they are scanned, nearest list first, some at a time: their
/// entries are looked up side by side, so that none waits until another one's has come from memory.
struct CodeFrames {
  /// A frame whose bytes are not yet looked at, and the key of its list: 0 without lists.
  struct Listed {
    let frame: FrameView
    let key: Float
  }

  /// Frames that are found together.
  private static let room = 64

  /// Those found last.
  private(set) var found: [Listed] = []
  /// The list at which the next one is looked for, by its place among the chosen ones, and the next frame there.
  private var place = 0
  private var index = 0

  var count: Int { found.count }

  /// Begins with the first list.
  mutating func begin() {
    found.removeAll(keepingCapacity: true)
    (place, index) = (0, 0)
  }

  /// Finds the next frames of `lists`.
  fileprivate mutating func findNext(
    _ lists: ChosenLists, _ file: borrowing IndexFile, _ directory: KnownDirectory
  ) throws(FormatError) {
    found.removeAll(keepingCapacity: true)
    file.fetchEntries(lists.numbers[place..<min(place + Self.room, lists.count)], directory)
    while place < lists.count {
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
