internal import PQBuild
internal import PQFormat
internal import PQKernels
internal import PQSearch
internal import PQStorage
internal import PQTestSupport

/// What fuzzing feeds with bytes: each call returns, whatever the bytes are.
public enum FuzzTarget: String, CaseIterable, Sendable {
  /// Opens an index file.
  case open
  /// Opens and searches it.
  case search
  /// Makes its checksums right, then opens, searches, verifies and inspects it.
  case sealed
  /// Verifies and inspects it as it is.
  case inspect
  /// Decompresses a block; the first two bytes say to how many bytes.
  case lz4
  /// Read a vector file.
  case fvecs, bvecs, fbin, u8bin, i8bin, npy
  /// Reads ids as results and as ids of vectors.
  case ids
  /// Reads the journal of a build.
  case journal
  /// Goes on with an interrupted build, under a journal whose checksums are made right.
  case resume

  /// Files to begin with.
  public func seeds() throws -> [[UInt8]] {
    switch self {
    case .open, .search, .sealed, .inspect:
      return try GoldenFile.names.map { try GoldenFile($0).bytes }
    case .lz4:
      return [0, 1, 64, 300].map { count in
        let bytes = (0..<count).map { UInt8($0 % 17) }
        var block: [UInt8] = []
        let length = LZ4Block.compress(bytes.rawSpan, into: &block, limit: 1024) ?? 0
        return [UInt8(count & 255), UInt8(count >> 8)] + block[..<length]
      }
    case .fvecs: return [VectorBytes.fvecs(SeededVectors.floats(rows: 3, dimension: 5, seed: 1))]
    case .bvecs: return [VectorBytes.bvecs(SeededVectors.bytes(rows: 3, dimension: 5, seed: 1))]
    case .fbin, .u8bin, .i8bin: return [try written(".\(rawValue)")]
    case .npy: return [try written(".npy")]
    case .ids:
      return [
        [2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0],
        VectorBytes.npy(type: "<i4", rows: 1, dimension: 2, [1, 0, 0, 0, 2, 0, 0, 0]),
      ]
    case .journal: return try InterruptedBuild().journals.map { Array("PQXJRNL2".utf8) + $0 }
    case .resume: return try InterruptedBuild().journals
    }
  }

  private func written(_ suffix: String) throws -> [UInt8] {
    let folder = try TemporaryFolder()
    var writer = try VectorWriter(path: folder.path("a" + suffix), dimension: 4)
    let rows: [Float] = [1, 2, 3, 4, 5, 6, 7, 8]
    try writer.append(rows: rows.span)
    try writer.finish()
    return try folder.read("a" + suffix)
  }

  /// What targets need beside their bytes, made once.
  public struct Surroundings: ~Copyable {
    fileprivate let build: InterruptedBuild?

    public init(_ target: FuzzTarget) throws {
      // Not one expression: the compiler loses what a conditional one makes.
      if target == .resume { build = try InterruptedBuild() } else { build = nil }
    }
  }

  /// Feeds `bytes`. A file is read from memory that ends where its bytes do.
  public func run(_ bytes: RawSpan, _ surroundings: borrowing Surroundings) {
    switch self {
    case .open:
      _ = try? Index(MemoryFile(bytes))
    case .search:
      guard let index = try? Index(MemoryFile(bytes)) else { return }
      let query = [Float](repeating: 0.5, count: index.parameters.dimension)
      _ = try? index.search(query, SearchOptions(k: 20, nprobe: max(1, index.parameters.nlist)))
    case .sealed:
      var file = SealedFile(Array(copying: bytes))
      file.seal()
      // Where the file id is: sealing replaces it, so an input may hold anything there.
      let random = bytes.byteCount < Header.byteCount ? 0 : bytes.u64(at: 48)
      Exercise.run(MemoryFile(file.bytes.rawSpan), queries: [0.5, -0.25, 1], random: random)
    case .inspect:
      Exercise.run(MemoryFile(bytes), queries: [1], random: 1 << 17)
    case .lz4:
      guard bytes.byteCount >= 2 else { return }
      var output: [UInt8] = []
      let block = bytes.slice(2, bytes.byteCount - 2)
      _ = LZ4Block.decompress(block, count: Int(bytes.u16(at: 0)), into: &output)
    case .fvecs, .bvecs, .fbin, .u8bin, .i8bin, .npy:
      guard let format = VectorFileFormat(rawValue: rawValue) else { return }
      _ = try? readAll(MemoryFile(bytes), format)
    case .ids:
      let file = MemoryFile(bytes)
      _ = try? IDMatrix(ivecs: file)
      _ = try? IDMatrix(npy: file)
      _ = try? readIDs(file)
    case .journal:
      _ = try? Journal.Content(decoding: Array(copying: bytes), path: "journal")
    case .resume:
      _ = try? surroundings.build?.resume(Array(copying: bytes))
    }
  }

  private func readAll(_ file: MemoryFile, _ format: VectorFileFormat) throws(VectorFileError) {
    var reader = try VectorReader(file, format: format)
    var rows: [Float] = []
    while try reader.read(maxRows: 7, into: &rows) > 0 {}
    try reader.seek(toRow: 1)
    _ = try reader.readAll()
  }

  private func readIDs(_ file: MemoryFile) throws(VectorFileError) {
    var reader = try IDReader(file)
    var ids: [UInt64] = []
    for _ in 0..<4 { try reader.read(maxCount: 3, into: &ids) }
  }
}

extension [UInt8] {
  fileprivate init(copying bytes: RawSpan) {
    self = []
    append(bytes)
  }
}
