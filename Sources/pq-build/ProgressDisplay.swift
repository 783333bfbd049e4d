import Foundation
import PQBuild
import Synchronization
import ToolSupport

/// Shows a build's progress on standard error: one line that changes on a terminal, else a line every ten seconds.
final class ProgressDisplay: Sendable {
  private struct State {
    var line = ""
    var lastShown = ContinuousClock.now
    var stageStart = ContinuousClock.now
    var stage = ""
    var peak: UInt64 = 0
  }

  private let quiet: Bool
  private let animates: Bool
  private let state = Mutex(State())

  init(quiet: Bool) {
    self.quiet = quiet
    animates = isatty(STDERR_FILENO) == 1
  }

  /// The largest private resident memory (RssAnon) seen at any progress.
  var peakMemory: UInt64 { state.withLock { $0.peak } }

  func show(_ progress: BuildProgress) {
    state.withLock { state in
      let rss = ProcessMemory.status("RssAnon") ?? 0
      state.peak = max(state.peak, rss)
      guard !quiet else { return }
      if case .notice(let text) = progress {
        clear(&state)
        printError(text)
        return
      }
      let now = ContinuousClock.now
      let stage = progress.stage
      if stage != state.stage {
        state.stage = stage
        state.stageStart = now
      }
      let text = stage + progress.detail(seconds: (now - state.stageStart) / .seconds(1)) + ", RSS \(formatBytes(rss))"
      guard now - state.lastShown > (animates ? .milliseconds(100) : .seconds(10)) else { return }
      state.lastShown = now
      if animates {
        FileHandle.standardError.write(Data("\r\u{1B}[K\(text)".utf8))
        state.line = text
      } else {
        printError(text)
      }
    }
  }

  func end() { state.withLock { clear(&$0) } }

  private func clear(_ state: inout State) {
    if !state.line.isEmpty { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
    state.line = ""
  }
}

extension BuildProgress {
  fileprivate var stage: String {
    switch self {
    case .notice: ""
    case .spooling: "spooling"
    case .sampled: "sampling"
    case .coarse: "training lists"
    case .listGroups: "grouping lists"
    case .codebook: "training codebooks"
    case .encoded: "encoding"
    case .grouping: "grouping"
    case .writing: "writing"
    }
  }

  fileprivate func detail(seconds: Double) -> String {
    switch self {
    case .spooling(let bytes): return ": \(formatBytes(bytes))"
    case .sampled(let rows, let count): return ": \(rows) of \(count) rows"
    case .coarse(let iteration, let objective, let imbalance, let empty):
      return ": iteration \(iteration), objective \(objective), imbalance \(formatNumber(imbalance, digits: 3))"
        + (empty > 0 ? ", \(empty) empty lists split" : "")
    case .codebook(let subspace): return ": subspace \(subspace)"
    case .encoded(let rows, let total):
      let rate = seconds > 0 ? Double(rows) / seconds : 0
      let left = total.map { rate > 0 ? ", \(Int(Double($0 - rows) / rate)) s left" : "" } ?? ""
      return ": \(rows)" + (total.map { " of \($0)" } ?? "") + " vectors, \(Int(rate))/s" + left
    case .notice, .listGroups, .grouping, .writing: return ""
    }
  }
}
