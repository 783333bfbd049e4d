/// Which frames a query asks the kernel for before it waits for the first.
///
/// Looking for those that were not used yet costs time for each list, so a searcher that finds none looks ever more rarely: at
/// last at one query in 64. A file larger than memory loses pages that were used before. They are missed where a searcher
/// waits for pages although it looks; then queries of all searchers ask for whatever of their frames is gone, until a number
/// of them has found nothing gone: 64, but where the kernel does not say what is gone 128 the next time, and at last 1,024.
struct Prefetch: Sendable {
  /// Whether the query whose lists were chosen last looks. The first one does.
  private(set) var isActive = false
  /// Whether it asks for what was used before, too.
  private(set) var asksForAll = false
  private var pause = 0
  private var queriesLeft = 0
  /// Whether no query will look, nor anything else be asked for.
  private(set) var isStopped = false
  /// Whether the last query that looked found something.
  var found = false

  /// The pages that the thread had waited for when it was last looked at.
  private var faults: Int?
  private var queriesUncounted = 0
  /// Queries that look until the searcher knows whether it misses pages all the same. Of two queries the lists are chosen
  /// before the first is searched: from the second one on, what is waited for has been looked for.
  private var watched = 0
  /// How many queries asked for all the last time that this searcher began it.
  private var spell = 0

  static let spells = 64...1024

  mutating func stop() { (isActive, asksForAll, isStopped) = (false, false, true) }

  /// Begins the next query.
  /// - Parameters:
  ///   - left: queries that are still to ask for all, of all searchers of the file.
  ///   - count: the pages that this thread has waited for.
  mutating func beginQuery(left: inout Int, count: () -> Int) {
    if isStopped { return }
    if left > 0 {
      left -= 1
      (isActive, asksForAll, watched, faults) = (true, true, 0, nil)
      return
    }
    asksForAll = false
    let waited = waited(count)
    if watched > 0 {
      watched -= 1
      if watched > 0 { return }
      if waited {
        spell = spell == 0 ? Self.spells.lowerBound : min(2 * spell, Self.spells.upperBound)
        left = spell
        return beginQuery(left: &left, count: count)
      }
    } else if waited {
      (isActive, found, watched) = (true, false, 3)
      return
    }
    if isActive { pause = found ? 0 : min(63, 2 * pause + 1) }
    queriesLeft = isActive ? pause : queriesLeft - 1
    isActive = queriesLeft <= 0
    found = false
  }

  /// Whether the thread has waited for pages since it was last looked at. That takes a system call, which is rare where
  /// queries look rarely.
  private mutating func waited(_ count: () -> Int) -> Bool {
    queriesUncounted += 1
    guard watched > 0 || faults == nil || queriesUncounted >= min(8, pause + 1) else { return false }
    queriesUncounted = 0
    let (before, now) = (faults, count())
    faults = now
    return before.map { now > $0 } ?? false
  }
}
