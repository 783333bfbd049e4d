import PQFormat
import PQStorage
import PQTestSupport
import Testing

/// All rows of a file, read in chunks, and how many each chunk had.
func readAll(_ path: String, format: VectorFileFormat? = nil, chunk: Int = 1000) throws -> [[Float]] {
  var reader = try VectorReader(path: path, format: format)
  var all: [[Float]] = []
  var rows: [Float] = []
  while true {
    let count = try reader.read(maxRows: chunk, into: &rows)
    #expect(rows.count == count * reader.dimension && count <= chunk)
    guard count > 0 else { break }
    for row in 0..<count { all.append(Array(rows[row * reader.dimension..<(row + 1) * reader.dimension])) }
    #expect(reader.position == UInt64(all.count))
  }
  try reader.checkUnchanged()
  return all
}

@Suite struct VectorReaderTests {
  static let bytes = SeededVectors.bytes(rows: 17, dimension: 5, limit: 127, seed: 7)
  static let rows = bytes.map { $0.map(Float.init) }

  /// The same 17 rows in each format, by file name.
  static let files: [(name: String, bytes: [UInt8])] = {
    let u8 = bytes.flatMap { $0 }
    let f32 = rows.flatMap { $0.flatMap { VectorBytes.bytes($0) } }
    let f16 = rows.flatMap { $0.flatMap { VectorBytes.bytes(Float16($0).bitPattern) } }
    return [
      ("a.fvecs", VectorBytes.fvecs(rows)),
      ("a.bvecs", VectorBytes.bvecs(bytes)),
      ("a.fbin", VectorBytes.counted(rows: 17, dimension: 5, f32)),
      ("a.u8bin", VectorBytes.counted(rows: 17, dimension: 5, u8)),
      ("a.i8bin", VectorBytes.counted(rows: 17, dimension: 5, u8)),
      ("f4.npy", VectorBytes.npy(type: "<f4", rows: 17, dimension: 5, f32)),
      ("f2.npy", VectorBytes.npy(version: 2, type: "<f2", rows: 17, dimension: 5, f16)),
      ("u1.npy", VectorBytes.npy(version: 3, type: "|u1", rows: 17, dimension: 5, u8)),
      ("i1.NPY", VectorBytes.npy(type: "|i1", rows: 17, dimension: 5, u8)),
    ]
  }()

  @Test(arguments: files.indices, [1, 2, 16, 17, 18])
  func everyFormatInChunks(file: Int, chunk: Int) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Self.files[file].bytes, to: Self.files[file].name)
    #expect(try readAll(path, chunk: chunk) == Self.rows)
    let reader = try VectorReader(path: path)
    let (dimension, count) = (reader.dimension, reader.rowCount)
    #expect(dimension == 5)
    #expect(count == 17)
  }

  @Test(arguments: files.indices)
  func seeks(file: Int) throws {
    let folder = try TemporaryFolder()
    var reader = try VectorReader(path: try folder.write(Self.files[file].bytes, to: Self.files[file].name))
    var rows: [Float] = []
    for row in [0, 16, 3, 17, 8] {
      try reader.seek(toRow: UInt64(row))
      let count = try reader.read(maxRows: 2, into: &rows)
      #expect(count == min(2, 17 - row))
      #expect(rows == Self.rows[row..<row + count].flatMap { $0 })
    }
    #expect(failure { try reader.seek(toRow: 18) }?.cause == .rowOutOfRange)
  }

  @Test func negativeComponents() throws {
    let folder = try TemporaryFolder()
    let bytes = VectorBytes.counted(rows: 1, dimension: 4, [0x80, 0xFF, 0, 0x7F])
    #expect(try readAll(try folder.write(bytes, to: "a.i8bin")) == [[-128, -1, 0, 127]])
  }

  /// Every finite f16.
  @Test func halfPrecision() throws {
    let folder = try TemporaryFolder()
    let values = (0...UInt16.max).map(Float16.init(bitPattern:)).filter(\.isFinite)
    let bytes = VectorBytes.npy(
      type: "<f2", rows: values.count / 1024, dimension: 1024, values.flatMap { VectorBytes.bytes($0.bitPattern) })
    let rows = try readAll(try folder.write(bytes, to: "a.npy"))
    #expect(rows.joined().map(\.bitPattern) == values.map { Float($0).bitPattern })
  }

  @Test func formatsByName() {
    #expect(VectorFileFormat(path: "/x.fbin/base.bvecs") == .bvecs)
    #expect(VectorFileFormat(path: "/x.fbin/base") == nil)
    #expect(VectorFileFormat(path: "base.FVECS") == .fvecs)
    #expect(VectorFileFormat(path: "base.txt") == nil)
    #expect(failure { _ = try VectorReader(path: "-") }?.kind == .usage)
  }

  /// Headers as other versions of NumPy and Python write them.
  @Test(arguments: [
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1)}",
    "{\"shape\":(1L,1L),\"fortran_order\":False,\"descr\":\"<f4\"}",
    " { 'shape' : ( 1 , 1 , ) , 'descr' : '<f4' , 'fortran_order' : False , } \n ",
  ])
  func npyHeaders(header: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(VectorBytes.npy(header: header, VectorBytes.bytes(Float(2.5))), to: "a.npy")
    #expect(try readAll(path) == [[2.5]])
  }
}

/// The failure that `work` throws, if it does.
func failure(_ work: () throws -> Void) -> VectorFileError? {
  do {
    try work()
    return nil
  } catch let error as VectorFileError {
    return error
  } catch {
    Issue.record(error)
    return nil
  }
}
