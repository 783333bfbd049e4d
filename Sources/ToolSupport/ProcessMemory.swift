internal import Foundation

/// The memory of this process as the kernel counts it.
public enum ProcessMemory {
  /// A field of /proc/self/status in bytes: `RssAnon` is private memory now, `VmHWM` the largest resident set.
  public static func status(_ field: String) -> UInt64? {
    value(field, in: "/proc/self/status")
  }

  /// A field of /proc/self/smaps_rollup in bytes: `Rss`, `Pss` (shared pages divided by their sharers).
  public static func mapped(_ field: String) -> UInt64? {
    value(field, in: "/proc/self/smaps_rollup")
  }

  private static func value(_ field: String, in file: String) -> UInt64? {
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }
    for line in text.split(separator: "\n") where line.hasPrefix(field + ":") {
      return line.split(whereSeparator: { !$0.isNumber }).first.flatMap { UInt64($0) }.map { $0 * 1024 }
    }
    return nil
  }
}
