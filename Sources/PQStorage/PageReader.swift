internal import Synchronization
internal import SystemPackage

/// Reads a file page by page into memory of its size, each page once: for ``FileAccess/read``.
final class PageReader: Sendable {
  private let path: String
  private let file: FileDescriptor
  private let count: Int
  private let state: Mutex<State>

  private static let pageBytes = 4096

  private struct State {
    /// For each page whether it has been read.
    var isRead: [Bool]
    /// The first error; nothing is read after it.
    var failure: FileError?
  }

  /// - Parameter file: open as long as this is used; it stays the caller's.
  init(_ file: FileDescriptor, path: String, count: Int) {
    self.file = file
    self.path = path
    self.count = count
    state = Mutex(State(isRead: [Bool](repeating: false, count: (count + Self.pageBytes - 1) / Self.pageBytes)))
  }

  var failure: FileError? { state.withLock { $0.failure } }

  /// Reads the pages of `range` that have not been read, by pread(2).
  /// - Parameter base: where the file's first byte goes; `count` bytes can be written there.
  func read(_ range: Range<Int>, to base: UnsafeMutableRawPointer) throws(FileError) {
    guard !range.isEmpty else { return }
    let pages = range.lowerBound / Self.pageBytes...(range.upperBound - 1) / Self.pageBytes
    let failure = state.withLock { state -> FileError? in
      var page = pages.lowerBound
      while state.failure == nil, page <= pages.upperBound {
        var end = page
        while end <= pages.upperBound, !state.isRead[end] { end += 1 }
        if end > page {
          let bytes = page * Self.pageBytes..<min(count, end * Self.pageBytes)
          do throws(FileError) { unsafe try fill(bytes, base) } catch { state.failure = error }
          for page in page..<end { state.isRead[page] = true }
        }
        page = end + 1
      }
      return state.failure
    }
    if let failure { throw failure }
  }

  private func fill(_ range: Range<Int>, _ base: UnsafeMutableRawPointer) throws(FileError) {
    var offset = range.lowerBound
    while offset < range.upperBound {
      let (from, file) = (offset, file)
      let part = try attempt("pread", path) { () throws in
        // Inside the memory at `base`; nobody looks at these bytes before this has returned.
        let target = unsafe UnsafeMutableRawBufferPointer(start: base + from, count: range.upperBound - from)
        return unsafe try file.read(fromAbsoluteOffset: Int64(from), into: target)
      }
      guard part > 0 else { throw .changed(path, "it is shorter than when it was opened") }
      offset += part
    }
  }
}
