/// What a query asks the kernel for before it waits for the first page.
///
/// Looking for what was not used yet costs time for each list, so a searcher that finds nothing looks ever more rarely: at
/// last at one query in 64. A file larger than memory loses pages that were used before. They are missed where a searcher
/// waits for pages although it looks; then it asks for all that its queries use, which costs more, until for some time it
/// has found nothing gone, each time for longer: not every process is told what is gone.
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
  private var faults = 0
  private var queriesUncounted = 0
  /// Queries that look until the searcher knows whether it misses pages all the same. Of two queries the lists are chosen
  /// before the first is searched: from the second one on, what is waited for has been looked for.
  private var watched = 0
  /// Whether something that was used before was found gone by a query that asks for all.
  var isGone = false
  /// Queries that are still to ask for all, unless something is gone, and how many were the last time.
  private var spellLeft = 0
  private var spell = 0

  private static let spells = 64...1024

  mutating func stop() { (isActive, asksForAll, isStopped) = (false, false, true) }

  /// Begins the next query.
  /// - Parameters:
  ///   - evicts: whether any searcher of the file misses pages that were used before; true makes a new one ask for all.
  ///   - count: the pages that this thread has waited for.
  mutating func beginQuery(evicts: inout Bool, count: () -> Int) {
    if isStopped { return }
    if asksForAll {
      spellLeft = isGone ? spell : spellLeft - 1
      isGone = false
      if spellLeft > 0 { return }
      (asksForAll, evicts, faults) = (false, false, count())
    } else if evicts {
      return beginSpell()
    }
    queriesUncounted += 1
    var waited = false
    // A system call: rarely, where queries look rarely.
    if watched > 0 || queriesUncounted >= min(8, pause + 1) {
      queriesUncounted = 0
      let now = count()
      (waited, faults) = (now > faults, now)
    }
    if watched > 0 {
      watched -= 1
      if watched > 0 { return }
      evicts = waited
      if waited { return beginSpell() }
    } else if waited {
      (isActive, found, watched) = (true, false, 3)
      return
    }
    if isActive { pause = found ? 0 : min(63, 2 * pause + 1) }
    queriesLeft = isActive ? pause : queriesLeft - 1
    isActive = queriesLeft <= 0
    found = false
  }

  private mutating func beginSpell() {
    spell = spell == 0 ? Self.spells.lowerBound : min(2 * spell, Self.spells.upperBound)
    (spellLeft, asksForAll, isActive, isGone) = (spell, true, true, false)
  }
}
