import Foundation
import PQBuild
import PQDamage
import PQFormat
import PQSearch
import PQStorage
import PQTestSupport
import Testing

/// Models, shards and their merge.
@Suite struct ShardTests {
  private static let rows = BuildTests.rows(1000)

  private static func run(_ build: FileBuild) throws { _ = try build.run() }

  private static func kind(_ body: () throws -> Void) -> FailureKind? {
    do { try body() } catch { return (error as? any Failure)?.kind }
    return nil
  }

  /// Builds the rows whole, and as a model and shards; the merged shards are the whole.
  @Test(arguments: [IndexKind.pq, .ivfflat, .ivfpq], [UInt64(0), 5_000_000_000])
  func mergedShardsAreTheWhole(_ kind: IndexKind, firstID: UInt64) throws {
    let folder = try TemporaryFolder()
    let input = VectorSource(path: try folder.write(VectorBytes.fvecs(Self.rows), to: "in.fvecs"))
    var parameters = BuildTests.parameters(kind)
    parameters.firstID = firstID
    parameters.rotates = kind != .ivfflat && firstID > 0
    if kind == .ivfpq {
      parameters.groups = 3
      parameters.vectors = .f16
      parameters.compression = .lz4
      parameters.alignmentLog2 = 13
      parameters.targetBytes = 60
      parameters.m = nil
    }
    try Self.run(FileBuild(input: input, output: folder.path("whole.pqx"), parameters: parameters))
    var train = FileBuild(input: input, output: folder.path("model.pqx"), parameters: parameters)
    train.trainsOnly = true
    try Self.run(train)
    #expect(try Index(path: folder.path("model.pqx")).verify(deep: true) == [])

    var encode = BuildParameters()
    encode.firstID = firstID
    var shards: [String] = []
    for (a, b) in [(0, 1), (1, 400), (400, 999), (999, 1000)] as [(UInt64, UInt64)] {
      var build = FileBuild(input: input, output: folder.path("\(a).pqx"), parameters: encode)
      build.model = folder.path("model.pqx")
      build.rows = a..<b
      try Self.run(build)
      shards.insert(build.output, at: shards.count / 2)  // in no order
    }
    let expected = try folder.read("whole.pqx")
    for (n, files) in [shards, shards + [folder.path("model.pqx")], [folder.path("whole.pqx")]].enumerated() {
      var merge = IndexMerge(files, output: folder.path("merged.pqx"))
      merge.replacing = true
      merge.threads = [1, 2, 8][n]
      let report = try merge.run()
      #expect(report.vectors == 1000)
      let same = try folder.read("merged.pqx") == expected
      #expect(same, "\(files.count) files")
    }
    // An index is a model too, and a part of the input is a shard.
    let part = VectorSource(path: try folder.write(VectorBytes.fvecs(Array(Self.rows[400...])), to: "part.fvecs"))
    encode.firstID = firstID + 400
    var build = FileBuild(input: part, output: folder.path("part.pqx"), parameters: encode)
    build.model = folder.path("whole.pqx")
    try Self.run(build)
    _ = try IndexMerge(["part", "0", "1"].map { folder.path("\($0).pqx") }, output: folder.path("again.pqx")).run()
    let same = try folder.read("again.pqx") == expected
    #expect(same)
  }

  /// Pieces that end in the midst of frames and lists, frames of all sections that end apart, codes of every width, an
  /// odd number of them: the same bytes for any number of threads and any size of the pieces.
  @Test(arguments: [3, 4, 6, 8, 11, 13])
  func piecesAndThreads(nbits: Int) throws {
    let folder = try TemporaryFolder()
    // Code frames hold 4,096 vectors, id frames 1,024, vector frames 455: 16 KiB of rows.
    let rows = SeededVectors.floats(rows: 9000, dimension: 9, seed: 5)
    let input = VectorSource(path: try folder.write(VectorBytes.fvecs(rows), to: "in.fvecs"))
    var parameters = BuildParameters()
    // Many codewords take long to train.
    (parameters.nlist, parameters.m, parameters.nbits) = (3, nbits <= 8 ? 9 : 3, nbits)
    (parameters.vectors, parameters.iterations, parameters.trainSize) = (.f32, 1, 1 << max(8, nbits))
    try Self.run(FileBuild(input: input, output: folder.path("whole.pqx"), parameters: parameters))
    var shards: [String] = []
    for (a, b) in [(0, 4000), (4000, 4001), (4001, 9000)] as [(UInt64, UInt64)] {
      var build = FileBuild(input: input, output: folder.path("\(a).pqx"), parameters: BuildParameters())
      build.model = folder.path("whole.pqx")
      build.rows = a..<b
      try Self.run(build)
      shards.append(build.output)
    }
    let expected = try folder.read("whole.pqx")
    for (threads, pieceBytes) in [(1, 1), (1, 1 << 20), (2, 1), (2, 50_000), (8, 1), (8, 9_999)] {
      var merge = IndexMerge(shards, output: folder.path("merged.pqx"))
      merge.replacing = true
      (merge.threads, merge.pieceBytes) = (threads, pieceBytes)
      _ = try merge.run()
      let same = try folder.read("merged.pqx") == expected
      #expect(same, "\(threads) threads, pieces of \(pieceBytes) bytes")
    }
  }

  /// Ids of the shards lie between each other.
  @Test func interleavedIDs() throws {
    let folder = try TemporaryFolder()
    let parameters = BuildTests.parameters()
    let ids = (0..<1000).map { UInt64($0) * 7919 % 1000 + (1 << 40) }
    let whole = try BuildTests.build(Self.rows, parameters, in: folder, name: "whole.pqx", ids: ids)
    var shards: [String] = []
    for (n, range) in [0..<300, 300..<1000].enumerated() {
      let input = try folder.write(VectorBytes.fvecs(Array(Self.rows[range])), to: "\(n).fvecs")
      var build = FileBuild(input: VectorSource(path: input), output: folder.path("\(n).pqx"))
      build.model = folder.path("whole.pqx")
      build.ids = try folder.write(ids[range].flatMap { VectorBytes.bytes($0) }, to: "\(n).ids")
      try Self.run(build)
      shards.append(build.output)
    }
    for threads in [1, 2, 8] {
      var merge = IndexMerge(shards, output: folder.path("merged\(threads).pqx"))
      (merge.threads, merge.pieceBytes) = (threads, 1)
      _ = try merge.run()
      let same = try folder.read("merged\(threads).pqx") == whole
      #expect(same)
    }
  }

  @Test func refusals() throws {
    let folder = try TemporaryFolder()
    let input = try folder.write(VectorBytes.fvecs(Self.rows), to: "in.fvecs")
    func encode(_ name: String, _ rows: Range<UInt64>, model: String) throws {
      var build = FileBuild(input: VectorSource(path: input), output: folder.path(name))
      build.model = folder.path(model)
      build.rows = rows
      try Self.run(build)
    }
    func merge(_ names: [String]) -> FailureKind? {
      Self.kind { _ = try IndexMerge(names.map { folder.path($0) }, output: folder.path("out.pqx")).run() }
    }
    _ = try BuildTests.build(Self.rows, BuildTests.parameters(), in: folder, name: "a.pqx")
    var other = BuildTests.parameters()
    other.seed = 2
    _ = try BuildTests.build(Self.rows, other, in: folder, name: "b.pqx")
    _ = try BuildTests.build(Self.rows, BuildTests.parameters(.pq), in: folder, name: "pq.pqx")
    try encode("a1.pqx", 0..<500, model: "a.pqx")
    try encode("a2.pqx", 499..<1000, model: "a.pqx")
    try encode("p1.pqx", 0..<500, model: "pq.pqx")
    try encode("p2.pqx", 501..<1000, model: "pq.pqx")
    try encode("p3.pqx", 499..<1000, model: "pq.pqx")
    #expect(merge([]) == .usage)
    var noThread = IndexMerge([folder.path("a1.pqx")], output: folder.path("out.pqx"))
    noThread.threads = 0
    #expect(Self.kind { _ = try noThread.run() } == .usage)
    #expect(merge(["a.pqx", "b.pqx"]) == .usage)
    #expect(merge(["a.pqx", "pq.pqx"]) == .usage)
    let shards = ["a2.pqx", "a1.pqx"].map { folder.path($0) }
    let twice = #expect(throws: BuildError.self) {
      _ = try IndexMerge(shards, output: folder.path("out.pqx")).run()
    }
    #expect(twice?.kind == .badData)
    #expect(twice?.description == "\(shards.joined(separator: " and ")): id 499 occurs twice; ids must be unique")
    #expect(merge(["p1.pqx", "p2.pqx"]) == .badData)  // no row 500
    #expect(merge(["p1.pqx", "p3.pqx"]) == .badData)
    #expect(merge(["a.pqx", "in.fvecs"]) == .badData)
    #expect(merge(["a.pqx", "none.pqx"]) == .noInput)
    #expect(Self.kind { try encode("x.pqx", 900..<1001, model: "a.pqx") } == .usage)
    let names = try folder.names()
    #expect(!names.contains { $0.hasPrefix("out.pqx") || $0.hasPrefix("x.pqx") }, "\(names)")
  }

  /// Any byte of a shard that is wrong is found, or was of no account: never a merged file that differs. The error is
  /// the same for any number of threads, and nothing is left behind.
  @Test func damagedShards() throws {
    let folder = try TemporaryFolder()
    var parameters = BuildTests.parameters()
    parameters.vectors = .f16
    let whole = try BuildTests.build(Self.rows, parameters, in: folder, name: "a.pqx")
    for position in stride(from: 0, to: whole.count, by: 211) {
      var bytes = whole
      bytes[position] ^= 0x10
      try folder.write(bytes, to: "damaged.pqx")
      let outcomes = try [1, 2, 8].map { try Self.mergeDamaged(folder, threads: $0, whole) }
      #expect(Set(outcomes).count == 1, "byte \(position): \(outcomes)")
    }
  }

  /// Merges `damaged.pqx` in many pieces, and returns what is said of it; "" for a merged file, which is `whole`.
  private static func mergeDamaged(
    _ folder: borrowing TemporaryFolder, threads: Int, _ whole: [UInt8]
  ) throws -> String {
    var merge = IndexMerge([folder.path("damaged.pqx")], output: folder.path("out.pqx"))
    (merge.threads, merge.pieceBytes) = (threads, 2000)
    do { _ = try merge.run() } catch {
      let names = try folder.names()
      #expect(error.kind == .badData)
      #expect(!names.contains { $0.hasPrefix("out.pqx") }, "\(names)")
      return error.description
    }
    let same = try folder.read("out.pqx") == whole
    #expect(same)
    try FileManager.default.removeItem(atPath: folder.path("out.pqx"))
    return ""
  }

  /// A shard that somebody writes to while it is merged: what was read before is of no account, and nothing is published.
  @Test func changedShards() throws {
    let folder = try TemporaryFolder()
    _ = try BuildTests.build(Self.rows, BuildTests.parameters(), in: folder, name: "a.pqx")
    let shard = folder.path("a.pqx")
    var merge = IndexMerge([shard], output: folder.path("out.pqx"))
    merge.progress = {
      guard case .merging(lists: 1, of: _, vectors: _) = $0 else { return }
      try? FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: shard)
    }
    let error = #expect(throws: BuildError.self) { _ = try merge.run() }
    #expect(error?.kind == .badData && error?.description.contains("changed while it was merged") == true)
    let names = try folder.names()
    #expect(!names.contains { $0.hasPrefix("out.pqx") }, "\(names)")
  }

  /// A shard that is cut while it is merged ends the merge, and not the process.
  @Test func cutShards() throws {
    let folder = try TemporaryFolder()
    let whole = try BuildTests.build(Self.rows, BuildTests.parameters(), in: folder, name: "a.pqx")
    let shard = folder.path("a.pqx")
    _ = unsafe chmod(shard, 0o644)
    var merge = IndexMerge([shard], output: folder.path("out.pqx"))
    (merge.threads, merge.pieceBytes) = (1, 2000)
    merge.progress = {
      guard case .merging(lists: 1, of: _, vectors: _) = $0 else { return }
      _ = unsafe truncate(shard, off_t(whole.count / 8192 * 4096))
    }
    let error = #expect(throws: BuildError.self) { _ = try merge.run() }
    #expect(error?.kind == .badData && error?.description.contains("changed while it was merged") == true, "\(error)")
    let names = try folder.names()
    #expect(!names.contains { $0.hasPrefix("out.pqx") }, "\(names)")
  }

  /// A right checksum over rows that are no numbers.
  @Test func rowsThatAreNotFinite() throws {
    let folder = try TemporaryFolder()
    var parameters = BuildTests.parameters()
    for vectors in [VectorEncoding.f16, .f32] {
      parameters.vectors = vectors
      let name = "\(vectors).pqx"
      var file = try SealedFile(BuildTests.build(Self.rows, parameters, in: folder, name: name))
      let rows = file.range(.vectors)
      for i in rows.prefix(4) { file.bytes[i] = 0xFF }
      file.seal()
      try FileManager.default.removeItem(atPath: folder.path(name))
      let path = try folder.write(file.bytes, to: name)
      let error = #expect(throws: BuildError.self) {
        _ = try IndexMerge([path], output: folder.path("out.pqx")).run()
      }
      #expect(error?.kind == .badData && error?.description.contains("is not finite") == true)
    }
  }

  /// A bit of the read-compatible word says that a tool which does not know it must not copy the file.
  @Test func featuresThatForbidCopies() throws {
    let folder = try TemporaryFolder()
    var bytes = try BuildTests.build(Self.rows, BuildTests.parameters(), in: folder, name: "a.pqx")
    bytes[24] = 4
    let crc = Checksum.plain(bytes.rawSpan.slice(0, 4092))
    bytes.replaceSubrange(4092..<4096, with: VectorBytes.bytes(crc))
    try folder.write(bytes, to: "b.pqx")
    #expect(try Index(path: folder.path("b.pqx")).parameters.count == 1000)
    #expect(Self.kind { _ = try IndexMerge([folder.path("b.pqx")], output: folder.path("out.pqx")).run() } == .badData)
  }

  /// A shard whose frames begin beyond 4 GiB, in a sparse file: it is searched and merged like any other.
  @Test func sectionsBeyond4GiB() throws {
    let folder = try TemporaryFolder()
    var parameters = BuildTests.parameters()
    parameters.vectors = .f32
    let whole = try BuildTests.build(Self.rows, parameters, in: folder, name: "a.pqx")
    let far = folder.path("far.pqx")
    try Self.writeFar(whole, by: 5 << 30, to: far)
    let (near, moved) = (try Index(path: folder.path("a.pqx")), try Index(path: far))
    #expect(moved.fileBytes > 5 << 30)
    let options = SearchOptions(k: 20, nprobe: 8, rerank: 50)
    let same = try near.search(Self.rows[5], options)[0].elementsEqual(moved.search(Self.rows[5], options)[0])
    #expect(same)
    _ = try IndexMerge([far], output: folder.path("merged.pqx")).run()
    let merged = try folder.read("merged.pqx") == whole
    #expect(merged)
  }

  /// Writes an index with all that follows its header moved up by `shift` bytes, and a hole in between.
  private static func writeFar(_ bytes: [UInt8], by shift: UInt64, to path: String) throws {
    var bytes = bytes
    let structure = try IndexStructure(decoding: bytes.rawSpan)
    func put(_ value: some FixedWidthInteger, at offset: UInt64) {
      bytes.replaceSubrange(Int(offset)..<Int(offset) + value.bitWidth / 8, with: VectorBytes.bytes(value))
    }
    func copy(_ offset: UInt64, _ length: UInt64) -> [UInt8] { Array(bytes[Int(offset)..<Int(offset + length)]) }
    func section(_ kind: SectionKind) throws -> Section { try #require(structure.table[kind]) }
    // Frames say where they are, pages their checksums, the section table where all begins.
    let (lists, frames, pages) = (try section(.lists), try section(.frames), try section(.pages))
    for at in stride(from: frames.offset, to: frames.end, by: FrameEntry.byteCount) {
      let entry = copy(at, 8)
      put(entry.rawSpan.u64(at: 0) + shift, at: at)
    }
    let size = ChecksumPage.byteCount
    for page in 0..<ChecksumPage.count(frames.length) {
      let section = copy(frames.offset, frames.length)
      let crc = ChecksumPage.checksum(section.rawSpan, kind: .frames, page: page)
      put(crc, at: pages.offset + 4 * ((lists.length + size - 1) / size + page))
    }
    let table = structure.header.sectionTableOffset
    for (i, old) in structure.table.sections.enumerated() {
      put(old.offset + shift, at: table + UInt64(i * Section.byteCount + 8))
      guard old.kind == .pages else { continue }
      let section = copy(pages.offset, pages.length)
      put(Checksum.plain(section.rawSpan), at: table + UInt64(i * Section.byteCount + 24))
    }
    var header = structure.header
    header.sectionTableOffset += shift
    header.fileLength += shift
    let entries = copy(table, UInt64(header.sectionCount * Section.byteCount))
    header.sectionTableCRC = Checksum.plain(entries.rawSpan)
    let start = header.encoded()
    let footer = Footer.encoded(fileLength: header.fileLength, fileID: header.fileID)
    try Data(start).write(to: URL(fileURLWithPath: path))
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try file.seek(toOffset: UInt64(Header.byteCount) + shift)
    try file.write(contentsOf: Data(bytes[Header.byteCount..<bytes.count - Footer.byteCount] + footer))
    try file.close()
  }
}
