internal import PQKernels

/// What a searching thread knows of the directory: nothing, that the checksums of all its pages are right, or all its
/// entries.
struct KnownDirectory: Sendable {
  var pagesAreChecked = false
  /// All lists and frames, by their numbers, or none.
  private(set) var lists: [ListView] = []
  private(set) var frames: [FrameView] = []

  var isComplete: Bool { !lists.isEmpty }

  init() {}

  init(pagesAreChecked: Bool, _ copy: DirectoryCopy?) {
    self.pagesAreChecked = pagesAreChecked
    guard let copy else { return }
    (lists, frames) = (copy.lists, copy.frames)
  }

  /// A short list has a frame of codes and one of ids.
  private static let framesFetched = 2

  /// Fetches a list, or its first frames, into the cache.
  /// - Precondition: the directory is complete.
  func fetch(list number: Int) { Kernels.fetch(lists.span, number..<number + 1) }
  func fetchFrames(ofList number: Int) {
    let first = lists[number].firstFrame
    let end = min(first + Self.framesFetched, frames.count)
    if first < end { Kernels.fetch(frames.span, first..<end) }
  }
}

/// The lists and frames of a file, each checked, once per open file: finding one is a look instead of a decoding and
/// a check.
final class DirectoryCopy: Sendable {
  let lists: [ListView]
  let frames: [FrameView]

  /// What the copies may take: each process has its own.
  private static let maximumBytes = 1 << 20

  static func fits(lists: Int, frames: Int) -> Bool {
    lists * MemoryLayout<ListView>.stride + frames * MemoryLayout<FrameView>.stride <= maximumBytes
  }

  init(lists: [ListView], frames: [FrameView]) { (self.lists, self.frames) = (lists, frames) }
}
