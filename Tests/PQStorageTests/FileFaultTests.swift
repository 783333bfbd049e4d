import Foundation
import PQFormat
import PQStorage
import PQTestSupport
import Testing

/// FAULTS: system calls that fail where writing, publishing and going on need them.
@Suite struct FileFaultTests {
  private static let row: [Float] = [1, 2]

  private func write(to path: String) throws {
    var writer = try VectorWriter(path: path, dimension: 2, replacing: true)
    try writer.append(rows: Self.row.span)
    try writer.finish()
  }

  /// Every write to the device fails as on a full disk.
  @Test func fullDevice() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.fvecs")
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/dev/full")
    let error = failure { try write(to: path) }
    #expect(error?.cause == .writeFailed)
    #expect(error?.kind == .inputOutput)
    #expect(error?.detail.contains("space") == true)
  }

  /// A device takes what is written to it at once, and is not replaced.
  @Test func device() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.fvecs")
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/dev/null")
    try write(to: path)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == "/dev/null")
  }

  /// A file that was made read-only, but not said to be complete, is written on by whoever goes on, root or not.
  @Test func readOnlyFileIsReopened() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a")
    do {
      var file = try WorkFile(creating: path)
      try file.append(Self.row.span.rawSpan)
      try file.synchronize()
      try file.makeReadOnly()
    }
    var file = try WorkFile(reopening: path, length: 4)
    try file.append(Self.row.span.rawSpan)
    try file.synchronize()
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o644)
    #expect(try folder.read("a").count == 12)
  }

  /// What a build before has left counts as room that is there.
  @Test func bytesOfAWorkFolder() throws {
    let folder = try TemporaryFolder()
    let work = try WorkFolder(output: folder.path("a.pqx"))
    #expect(work.byteCount == 0)
    for (name, count) in [("spill", 5000), ("journal", 17)] {
      try folder.write([UInt8](repeating: 1, count: count), to: "a.pqx.work/\(name)")
    }
    #expect(work.byteCount == 5017)
  }

  /// A process that is being started has copies of all descriptors, also of the lock, for a moment: they hold nobody up.
  @Test func copiesOfTheLock() throws {
    let folder = try TemporaryFolder()
    let output = folder.path("a.pqx")
    var copies: [Int32] = []
    do {
      var work = try WorkFolder(output: output)
      work.keep(true)
      #expect(throws: FileError.self) { _ = try WorkFolder(output: output) }
      let files = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").filter {
        let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
        return target?.hasSuffix(output + ".work/lock") == true
      }
      copies = files.compactMap(Int32.init).map(dup)
    }
    #expect(copies.count == 1)
    _ = try WorkFolder(output: output)
    for copy in copies { close(copy) }
  }

  /// What no build has made stands where the work folder is to be: it is not taken, and stays.
  @Test func workFolderOfOthers() throws {
    let folder = try TemporaryFolder()
    let output = folder.path("a.pqx")
    func expectRefused(_ what: String) {
      for take in [true, false] {
        let error = #expect(throws: FileError.self) {
          if take { _ = try WorkFolder(output: output) } else { _ = try WorkFolder.look(at: output, replacing: true) }
        }
        #expect(error?.kind == .cannotCreate && error?.description.contains(what) == true, "\(error)")
      }
    }
    try folder.write([1], to: "a.pqx.work")
    expectRefused("that is none")
    try FileManager.default.removeItem(atPath: output + ".work")
    try FileManager.default.createDirectory(atPath: folder.path("other"), withIntermediateDirectories: false)
    try FileManager.default.createSymbolicLink(atPath: output + ".work", withDestinationPath: folder.path("other"))
    expectRefused("that is none")
    try FileManager.default.removeItem(atPath: output + ".work")
    try FileManager.default.moveItem(atPath: folder.path("other"), toPath: output + ".work")
    try folder.write([1], to: "a.pqx.work/mine.fvecs")
    try folder.write([1], to: "a.pqx.work/spill")
    expectRefused("mine.fvecs")
    #expect(try folder.read("a.pqx.work/spill") == [1])
    try FileManager.default.removeItem(atPath: folder.path("a.pqx.work/mine.fvecs"))
    do {
      let work = try WorkFolder(output: output)
      try folder.write([1], to: "a.pqx.work/index.pqx")
      try folder.write([1], to: "a.pqx.work/index.fvecs")
      withExtendedLifetime(work) {}
    }
    #expect(try folder.names() == ["a.pqx.work"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: output + ".work") == ["index.fvecs"])
  }

  /// A link that leads nowhere stands where the work folder is to be.
  @Test func workFolderThatLeadsNowhere() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("a.pqx.work"), withDestinationPath: folder.path("none/at/all"))
    do throws(FileError) {
      _ = try WorkFolder(output: folder.path("a.pqx"))
      Issue.record("a folder was made of nothing")
    } catch { #expect(error.kind == .cannotCreate) }
  }

  @Test func folderThatIsGone() throws {
    let folder = try TemporaryFolder()
    let inner = folder.path("inner")
    try FileManager.default.createDirectory(atPath: inner, withIntermediateDirectories: false)
    let error = failure {
      var writer = try VectorWriter(path: inner + "/a.fvecs", dimension: 2)
      try writer.append(rows: Self.row.span)
      try? FileManager.default.removeItem(atPath: inner)
      try writer.finish()
    }
    #expect(error?.cause == .cannotCreate)
  }

  @Test func idsThatBecomeFewer() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([UInt8](repeating: 1, count: 16), to: "ids")
    let error = failure {
      var reader = try IDReader(path: path)
      _ = unsafe truncate(path, 8)
      var ids: [UInt64] = []
      try reader.read(maxCount: 2, into: &ids)
    }
    #expect(error?.cause == .changed)
    #expect(failure { _ = try IDReader(path: "-") }?.cause == .notAFile)
  }

  private func failureOfFile(_ work: () throws -> Void) -> FileError? {
    do {
      try work()
      return nil
    } catch { return error as? FileError }
  }

  @Test func workFileThatLacksBytes() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([1, 2, 3], to: "spill")
    let short = failureOfFile { _ = try WorkFile(reopening: path, length: 4) }
    #expect(short?.kind == .badData)
    #expect(short?.description == "\(path): open; has 3 bytes, expected 4; start again with --force")
    #expect(failureOfFile { _ = try WorkFile(reopening: path + ".none", length: 0) }?.kind == .badData)
    #expect(try folder.read("spill") == [1, 2, 3])
    let file = try WorkFile(reopening: path, length: 2)
    #expect(file.position == 2)
    #expect(try folder.read("spill") == [1, 2])
  }

  @Test func outputThatAppearedBeforeItIsPublished() throws {
    let folder = try TemporaryFolder()
    let output = folder.path("a.pqx")
    var work = try WorkFolder(output: output)
    try folder.write([1], to: "a.pqx.work/new")
    try folder.write([2], to: "a.pqx")
    let refused = failureOfFile { try work.publish("new", replacing: false) }
    #expect(refused?.kind == .cannotCreate)
    #expect(refused?.call == "renameat2")
    #expect(try folder.read("a.pqx") == [2])
    try work.publish("new", replacing: true)
    #expect(try folder.read("a.pqx") == [1])
    let missing = failureOfFile { try work.publish("new", replacing: true) }
    #expect(missing?.call == "rename")
  }

  @Test func whatIsNoFileIsNotMapped() throws {
    let folder = try TemporaryFolder()
    let error = failureOfFile { _ = try MappedFile(path: folder.path) }
    #expect(error?.kind == .noInput)
    #expect(error?.description.contains("not a regular file") == true)
  }

  /// No LZ4 block has such a length.
  @Test func lengthThatLZ4DoesNotHave() {
    var output: [UInt8] = []
    #expect(!LZ4Block.decompress([0].rawSpan, count: 1 << 40, into: &output))
    #expect(output.isEmpty)
  }
}
