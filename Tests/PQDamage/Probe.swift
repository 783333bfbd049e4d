internal import Glibc
public import PQSearch
internal import PQTestSupport

/// A file whose bytes are changed and which is opened and searched after each change, all in one process.
public struct Probe: ~Copyable {
  private let folder: TemporaryFolder
  private let descriptor: Int32
  public let path: String
  private var size: Int

  public init(_ bytes: [UInt8]) throws {
    let folder = try TemporaryFolder()
    path = try folder.write(bytes, to: "probe.pqx")
    // A C string that lives for the call.
    descriptor = unsafe open(path, O_RDWR | O_CLOEXEC)
    size = bytes.count
    self.folder = folder
    precondition(descriptor >= 0, "the probe's file cannot be opened")
  }

  deinit { close(descriptor) }

  /// Overwrites bytes in place: pwrite(2).
  public func write(_ bytes: [UInt8], at offset: Int = 0) {
    let written = unsafe bytes.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress, $0.count, offset) }
    precondition(written == bytes.count, "writing the probe's file failed")
  }

  /// Cuts the file, or extends it by zeros: ftruncate(2).
  public mutating func resize(_ count: Int) {
    guard count != size else { return }
    precondition(ftruncate(descriptor, count) == 0, "the probe's file cannot be cut")
    size = count
  }

  /// Makes the file consist of `bytes`.
  public mutating func replace(_ bytes: [UInt8]) {
    resize(bytes.count)
    write(bytes)
  }

  /// What the file gives to a search of everything.
  public func searchAll(_ queries: [Float]) throws(IndexError) -> Outcome {
    try Outcome(of: queries) { () throws(IndexError) in try Index(path: path) }
  }
}
