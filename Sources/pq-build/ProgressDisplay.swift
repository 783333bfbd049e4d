import Foundation
import PQBuild
import Synchronization
import ToolSupport

/// The largest private resident memory (RssAnon) that was seen.
struct StagePeaks: Sendable {
  /// By the stage's name.
  fileprivate(set) var of: [String: UInt64] = [:]
  fileprivate(set) var highest: UInt64 = 0
}

/// Shows a build's progress on standard error: one line that changes on a terminal, else a line every ten seconds.
final class ProgressDisplay: Sendable {
  private struct State {
    var line = ""
    var lastShown = ContinuousClock.now
    var stageStart = ContinuousClock.now
    var firstRows: UInt64?
    var stage = ""
    var stagePeak: UInt64 = 0
    var peaks = StagePeaks()
    var hasEnded = false
  }

  private let quiet: Bool
  private let animates: Bool
  private let state = Mutex(State())

  init(quiet: Bool) {
    self.quiet = quiet
    animates = isatty(STDERR_FILENO) == 1
    watchMemory()
  }

  var peaks: StagePeaks { state.withLock { $0.peaks } }

  /// Looks at the memory often enough to see what a stage takes for a moment.
  private func watchMemory() {
    Thread.detachNewThread { [weak self] in
      while let self, self.state.withLock({ !$0.hasEnded }) {
        let rss = ProcessMemory.status("RssAnon") ?? 0
        self.state.withLock { $0.stagePeak = max($0.stagePeak, rss) }
        usleep(20_000)
      }
    }
  }

  func show(_ progress: BuildProgress) {
    state.withLock { state in
      if case .ended(let stage) = progress {
        state.stagePeak = max(state.stagePeak, ProcessMemory.status("RssAnon") ?? 0)
        state.peaks.of[stage] = state.stagePeak
        state.peaks.highest = max(state.peaks.highest, state.stagePeak)
        state.stagePeak = 0
        return
      }
      guard !quiet else { return }
      switch progress {
      case .notice(let text): say(text, &state)
      case .planned(let plan): say("plan: \(plan.memory.description)", &state)
      default: show(progress, &state)
      }
    }
  }

  private func show(_ progress: BuildProgress, _ state: inout State) {
    let now = ContinuousClock.now
    if progress.stage != state.stage {
      state.stage = progress.stage
      state.stageStart = now
      state.firstRows = progress.done
    }
    guard now - state.lastShown > (animates ? .milliseconds(100) : .seconds(10)) else { return }
    state.lastShown = now
    // Work of a build before, which this one goes on with, says nothing about its rate.
    let detail = progress.detail(
      seconds: (now - state.stageStart) / .seconds(1), since: state.firstRows ?? 0)
    let text = progress.stage + detail + ", RSS \(formatBytes(ProcessMemory.status("RssAnon") ?? 0))"
    if animates {
      printError("\r\u{1B}[K\(text)", terminator: "")
      state.line = text
    } else {
      printError(text)
    }
  }

  func end() {
    state.withLock {
      $0.hasEnded = true
      clear(&$0)
    }
  }

  private func say(_ text: String, _ state: inout State) {
    clear(&state)
    printError(text)
  }

  private func clear(_ state: inout State) {
    if !state.line.isEmpty { printError("\r\u{1B}[K", terminator: "") }
    state.line = ""
  }
}

extension BuildProgress {
  fileprivate var stage: String {
    switch self {
    case .notice, .planned, .ended: ""
    case .spooling: "spooling"
    case .sampled: "sampling"
    case .coarse: "training lists"
    case .listGroups: "grouping lists"
    case .rotation: "finding axes"
    case .codebook: "training codebooks"
    case .encoded: "encoding"
    case .merging: "merging"
    case .writing: "writing"
    }
  }

  /// What counts how far the stage is.
  fileprivate var done: UInt64? {
    switch self {
    case .spooling(let bytes): bytes
    case .encoded(let rows, _, _): rows
    case .merging(let lists, _, _): UInt64(lists)
    default: nil
    }
  }

  fileprivate func detail(seconds: Double, since first: UInt64) -> String {
    func rate(_ done: UInt64) -> Double { seconds > 0 ? Double(done - min(first, done)) / seconds : 0 }
    func left(_ done: UInt64, of total: UInt64?) -> String {
      guard let total, rate(done) > 0 else { return "" }
      return ", \(Int(Double(total - min(done, total)) / rate(done))) s left"
    }
    switch self {
    case .spooling(let bytes): return ": \(formatBytes(bytes)), \(formatBytes(UInt64(rate(bytes))))/s"
    case .sampled(let rows, let count): return ": \(rows) of \(count) rows"
    case .coarse(let iteration, let objective, let imbalance, let empty):
      return ": iteration \(iteration), objective \(objective), imbalance \(formatNumber(imbalance, digits: 3))"
        + (empty > 0 ? ", \(empty) empty lists split" : "")
    case .codebook(let subspace): return ": subspace \(subspace)"
    case .encoded(let rows, let total, let bytes):
      return ": \(rows)" + (total.map { " of \($0)" } ?? "") + " vectors, \(formatBytes(bytes)) read, "
        + "\(Int(rate(rows)))/s" + left(rows, of: total)
    case .merging(let lists, let total, let vectors):
      return ": \(lists) of \(total) lists, \(vectors) vectors" + left(UInt64(lists), of: UInt64(total))
    case .notice, .planned, .listGroups, .rotation, .writing, .ended: return ""
    }
  }
}
