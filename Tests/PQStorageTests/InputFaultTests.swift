import Foundation
import PQFormat
import PQStorage
import PQTestSupport
import Testing

/// FAULTS: what is no regular file, and files that change while they are read.
@Suite struct InputFaultTests {
  private static let bytes = VectorBytes.bvecs(SeededVectors.bytes(rows: 9, dimension: 3, seed: 1))

  @Test func missing() throws {
    let folder = try TemporaryFolder()
    let error = failure { _ = try VectorReader(path: folder.path("none.fvecs")) }
    #expect(error?.cause == .cannotOpen)
    #expect(error?.kind == .noInput)
  }

  /// Returns at once, though nobody writes to the FIFO.
  @Test(.timeLimit(.minutes(1))) func fifo() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.fvecs")
    let status = unsafe mkfifo(path, 0o600)
    #expect(status == 0)
    let error = failure { _ = try VectorReader(path: path) }
    #expect(error?.kind == .noInput)
    #expect(error?.detail.contains("FIFO") == true)
  }

  @Test func directoryAndDevice() throws {
    let folder = try TemporaryFolder()
    let directory = failure { _ = try VectorReader(path: folder.path, format: .fvecs) }
    #expect(directory?.kind == .noInput)
    #expect(directory?.detail.contains("directory") == true)
    let device = failure { _ = try VectorReader(path: "/dev/zero", format: .fvecs) }
    #expect(device?.kind == .noInput)
    #expect(device?.detail.contains("device") == true)
  }

  @Test func socket() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("s")
    let descriptor = Foundation.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
    let status = unsafe withUnsafePointer(to: &address) { address in
      unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe bind(descriptor, address, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    #expect(status == 0)
    let error = failure { _ = try VectorReader(path: path, format: .fvecs) }
    #expect(error?.kind == .noInput)
    #expect(error?.detail.contains("socket") == true)
  }

  enum Change: CaseIterable {
    case append, cut, replace, remove, rewrite
  }

  @Test(arguments: Change.allCases)
  func changeWhileReading(change: Change) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Self.bytes, to: "a.bvecs")
    var reader = try VectorReader(path: path)
    var rows: [Float] = []
    #expect(try reader.read(maxRows: 4, into: &rows) == 4)
    try reader.checkUnchanged()
    usleep(20_000)  // file systems may stamp times by a clock of a few milliseconds
    switch change {
    case .append, .cut, .rewrite:
      let handle = try #require(FileHandle(forUpdatingAtPath: path))
      if change == .append { try handle.seekToEnd() }
      if change == .cut {
        try handle.truncate(atOffset: 28)
      } else {
        try handle.write(contentsOf: Self.bytes[..<7])
      }
      try handle.close()
    case .replace:
      try folder.write(Self.bytes, to: "b")
      let status = unsafe rename(folder.path("b"), path)
      #expect(status == 0)
    case .remove: try FileManager.default.removeItem(atPath: path)
    }
    let error = failure { try reader.checkUnchanged() }
    #expect(error?.cause == .changed)
    #expect(error?.detail.contains("input changed") == true)
    // Rows that were there when the file was opened are all that is ever read.
    let reading = failure { while try reader.read(maxRows: 2, into: &rows) > 0 {} }
    #expect(reading?.cause == (change == .cut ? .changed : nil))
    #expect(reader.position == (change == .cut ? 4 : 9))
  }
}
