internal import PQFormat

/// A walk over candidates, frame by frame: over runs of those that follow each other and whose ids, or rows, stand in one.
struct CandidateWalk {
  let kind: SectionKind
  /// The list of the present run, and the number of its frame there.
  fileprivate(set) var list = ListView(number: -1, count: 0, firstFrame: 0)
  fileprivate(set) var index = 0
  /// The position in the list of the frame's first vector.
  fileprivate(set) var position = 0
  /// The candidates of the present run, and the greatest of their positions in the list.
  fileprivate(set) var run = 0..<0
  fileprivate(set) var farthest = 0

  init(_ kind: SectionKind) { self.kind = kind }
}

extension IndexFile {
  /// Goes on to the next run; false if there is none.
  /// - Throws: `.badList` if a vector is no longer where it was found.
  @inline(__always)
  borrowing func advance(
    _ walk: inout CandidateWalk, _ found: Span<Place>, _ directory: KnownDirectory
  ) throws(FormatError) -> Bool {
    let first = walk.run.upperBound
    guard first < found.count else { return false }
    let place = found[first]
    let capacity = places.of(walk.kind).capacity
    walk.index = places.frames(walk.kind, place.position + 1) - 1
    walk.position = walk.index * capacity
    walk.farthest = place.position
    var end = first + 1
    while end < found.count, found[end].list == place.list,
      (walk.position..<walk.position + capacity).contains(found[end].position)
    {
      walk.farthest = max(walk.farthest, found[end].position)
      end += 1
    }
    walk.run = first..<end
    if walk.list.number != Int(place.list) || walk.farthest >= walk.list.count {
      let farthest = Place(list: place.list, position: walk.farthest)
      walk.list = try list(holding: farthest, directory)
    }
    return true
  }
}
