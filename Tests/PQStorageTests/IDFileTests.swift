import PQFormat
import PQStorage
import PQTestSupport
import Testing

@Suite struct IDFileTests {
  private static let rows: [[Int32]] = [[5, 0, 9], [1, .max, -1]]

  private func write(_ rows: [[Int64]], to path: String) throws {
    var writer = try IDWriter(path: path, width: rows[0].count, rowCount: rows.count)
    for row in rows { try writer.append(row: row.span) }
    try writer.finish()
  }

  @Test func ivecs() throws {
    let folder = try TemporaryFolder()
    try write(Self.rows.map { $0.map(Int64.init) }, to: folder.path("a.ivecs"))
    #expect(try folder.read("a.ivecs") == VectorBytes.ivecs(Self.rows))
    let ids = Self.rows.flatMap { $0.map(Int64.init) }
    #expect(try IDMatrix(path: folder.path("a.ivecs")) == IDMatrix(ids: ids, width: 3, component: .i32))
  }

  @Test func npy() throws {
    let folder = try TemporaryFolder()
    try write([[5_000_000_000, -1]], to: folder.path("a.npy"))
    let bytes = try folder.read("a.npy")
    #expect(bytes.count == 128 + 16)
    #expect(bytes[128...].elementsEqual(VectorBytes.bytes(Int64(5_000_000_000)) + VectorBytes.bytes(Int64(-1))))
    let header = String(decoding: bytes[10..<127], as: UTF8.self)
    #expect(header.hasPrefix("{'descr': '<i8', 'fortran_order': False, 'shape': (1, 2), }"))
    #expect(
      try IDMatrix(path: folder.path("a.npy")) == IDMatrix(ids: [5_000_000_000, -1], width: 2, component: .i64))
  }

  /// What NumPy has of ids: Faiss' are i64, ScaNN's u32 or i32.
  @Test func npyOfOtherTypes() throws {
    let folder = try TemporaryFolder()
    let fields = VectorBytes.bytes(Int32(7)) + VectorBytes.bytes(Int32(-1))
    func file(_ type: String, _ rows: Int, _ width: Int) throws -> String {
      try folder.write(VectorBytes.npy(type: type, rows: rows, dimension: width, fields), to: "a.npy")
    }
    for (name, component, second) in [("<i4", IDMatrix.Component.i32, Int64(-1)), ("<u4", .u32, 4_294_967_295)] {
      let path = try file(name, 2, 1)
      #expect(try IDMatrix(path: path) == IDMatrix(ids: [7, second], width: 1, component: component))
      #expect(IDMatrix.isHeld(in: path))
    }
    #expect(try !IDMatrix.isHeld(in: file("<f4", 2, 1)))
    for (type, rows, width) in [
      ("<f4", 2, 1), (">i4", 2, 1), ("<u8", 1, 1), ("<i4", 3, 1), ("<i4", 0, 1), ("<i4", 1, 0), ("<i8", .max, 2),
    ] {
      let path = try file(type, rows, width)
      #expect(failure { _ = try IDMatrix(path: path) }?.kind == .badData, "\(type) \(rows) × \(width)")
    }
  }

  @Test func idsThatDoNotFit() throws {
    let folder = try TemporaryFolder()
    let error = failure { try write([[0], [2_147_483_648]], to: folder.path("a.ivecs")) }
    #expect(error?.cause == .notRepresentable)
    #expect(error?.row == 1)
    #expect(try folder.names() == [])
    #expect(failure { try write([[0]], to: folder.path("a.txt")) }?.kind == .usage)
  }

  @Test func faults() throws {
    let folder = try TemporaryFolder()
    let bytes = VectorBytes.ivecs(Self.rows)
    for length in 0..<bytes.count where length != 16 {
      let path = try folder.write(Array(bytes[..<length]), to: "a.ivecs")
      #expect(failure { _ = try IDMatrix(path: path) }?.kind == .badData)
    }
    let path = try folder.write(VectorBytes.ivecs([[1], [2, 3]]), to: "a.ivecs")
    let error = failure { _ = try IDMatrix(path: path) }
    #expect(error?.cause == .dimensionChanged)
    #expect(error?.row == 1)
  }
}
