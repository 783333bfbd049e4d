internal import CPQSystem
internal import Foundation

/// The memory of this process as the kernel counts it.
public enum ProcessMemory {
  /// Makes the C library's allocator give back what is freed, for all threads alike: mallopt(3). Without it, a process
  /// holds much more than it has allocated.
  public static func limitSlack() { cpq_limit_allocator_slack() }

  /// A field of /proc/self/status in bytes: `RssAnon` is private memory now, `VmHWM` the largest resident set.
  public static func status(_ field: String) -> UInt64? {
    value(field, in: "/proc/self/status")
  }

  /// A field of /proc/self/smaps_rollup in bytes: `Rss`, `Pss` (shared pages divided by their sharers).
  public static func mapped(_ field: String) -> UInt64? {
    value(field, in: "/proc/self/smaps_rollup")
  }

  /// A field of /proc/self/smaps in bytes, summed over the mappings of the file at `path`; nil if there is none.
  public static func mapped(_ field: String, of path: String) -> UInt64? {
    let path = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    // The kernel gives it a page at a time: read to the end, whatever a single read returns.
    guard let data = try? FileHandle(forReadingAtPath: "/proc/self/smaps")?.readToEnd() else { return nil }
    let text = String(decoding: data, as: UTF8.self)
    var sum: UInt64?
    var isFile = false
    for line in text.split(separator: "\n") {
      // A mapping begins with its address range and ends its line with its file; fields are `Name: value kB`.
      if line.prefix(while: { $0 != " " }).contains("-") {
        isFile = line.hasSuffix(" " + path)
      } else if isFile, line.hasPrefix(field + ":") {
        sum = (sum ?? 0) + (line.split(whereSeparator: { !$0.isNumber }).first.flatMap { UInt64($0) } ?? 0) * 1024
      }
    }
    return sum
  }

  private static func value(_ field: String, in file: String) -> UInt64? {
    // As bytes: strings cost more than what is asked so often.
    guard let data = try? FileHandle(forReadingAtPath: file)?.readToEnd() else { return nil }
    let name = Array("\(field):".utf8)
    let line = [UInt8](data).split(separator: UInt8(ascii: "\n")).first { $0.starts(with: name) }
    guard let line, let end = line.lastIndex(of: UInt8(ascii: " ")) else { return nil }  // Name: value kB
    return UInt64(String(decoding: line[..<end].dropFirst(name.count).drop { $0 <= 32 }, as: UTF8.self)).map {
      $0 * 1024
    }
  }
}
