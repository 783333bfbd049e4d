/// A span of a stored array cannot live while `self` changes: the array is taken out, and put back empty with the
/// memory that it has.
extension Array {
  mutating func takeAll() -> Self {
    let all = self
    self = []
    return all
  }

  mutating func putBack(_ all: inout Self) {
    all.removeAll(keepingCapacity: true)
    self = all
    all = []
  }
}
