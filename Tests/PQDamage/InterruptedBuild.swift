internal import Foundation
internal import PQBuild
internal import PQFormat
internal import PQStorage
internal import PQTestSupport
internal import Synchronization

/// A small build that was interrupted, to be gone on with under any journal.
public struct InterruptedBuild: ~Copyable {
  private let folder: TemporaryFolder
  /// The files of the work folder when the build was at its last place, without the journal.
  private let files: [(name: String, bytes: [UInt8])]
  /// The journal's magic and first record, which says whose it is.
  private let beginning: [UInt8]
  /// The records after these when the build was interrupted at each of its places.
  public let journals: [[UInt8]]

  public init() throws {
    let folder = try TemporaryFolder()
    let rows = SeededVectors.floats(rows: 60, dimension: 4, seed: 9)
    try folder.write(VectorBytes.fvecs(rows), to: "in.fvecs")
    var journals: [[UInt8]] = []
    var beginning: [UInt8] = []
    var files: [(String, [UInt8])] = []
    for patience in 0..<200 {
      let asked = Atomic(0)
      var build = Self.build(folder.path)
      build.isCancelled = { asked.wrappingAdd(1, ordering: .relaxed).newValue > patience }
      guard (try? build.run()) == nil else { break }
      guard let journal = try? folder.read(Self.work + "/" + WorkFolder.journal) else { continue }
      let first = Journal.recordLengths(journal).first ?? 0
      beginning = Array(journal.prefix(8 + first))
      let rest = Array(journal[beginning.count...])
      if journals.last != rest { journals.append(rest) }
      files = try FileManager.default.contentsOfDirectory(atPath: folder.path(Self.work)).filter {
        $0 != WorkFolder.journal && $0 != "lock"
      }.map { ($0, try folder.read(Self.work + "/" + $0)) }
      build.replacing = true
    }
    self.folder = folder
    self.files = files
    self.beginning = beginning
    self.journals = journals
  }

  private static let work = "out.pqx.work"

  private static func build(_ folder: String) -> FileBuild {
    var parameters = BuildParameters()
    (parameters.nlist, parameters.m, parameters.nbits, parameters.iterations) = (3, 2, 2, 1)
    parameters.vectors = .f32
    parameters.memory = 64 << 20
    var build = FileBuild(
      input: VectorSource(path: folder + "/in.fvecs"), output: folder + "/out.pqx", parameters: parameters)
    // A checkpoint after every chunk and every list.
    build.adjust = {
      $0.chunkRows = 8
      $0.runVectors = 16
      $0.mergeBytes = 1
      $0.checkpointInterval = .zero
    }
    build.replacing = true
    return build
  }

  /// Goes on with the build under a journal of these records, whose checksums are made right.
  /// - Returns: whether it came to its end.
  @discardableResult
  public func resume(_ records: [UInt8]) throws -> Bool {
    let work = folder.path(Self.work)
    for path in [work, folder.path("out.pqx")] where FileManager.default.fileExists(atPath: path) {
      try FileManager.default.removeItem(atPath: path)
    }
    try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: false)
    for file in files { try folder.write(file.bytes, to: Self.work + "/" + file.name) }
    try folder.write(Journal.sealed(beginning + records), to: Self.work + "/" + WorkFolder.journal)
    var build = Self.build(folder.path)
    build.resuming = true
    return (try? build.run()) != nil
  }
}

extension Journal {
  /// A journal whose records, as far as they are whole, have the right checksums.
  static func sealed(_ journal: [UInt8]) -> [UInt8] {
    var bytes = journal
    var start = 8
    for size in recordLengths(bytes) {
      let crc = Checksum.plain(bytes.rawSpan.slice(start + 8, size - 8))
      for i in 0..<4 { bytes[start + 4 + i] = UInt8(truncatingIfNeeded: crc >> (8 * i)) }
      start += size
    }
    return bytes
  }
}
