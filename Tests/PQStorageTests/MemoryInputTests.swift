import PQFormat
import PQStorage
import PQTestSupport
import Testing

/// Bytes in memory are read as a file of them is.
@Suite struct MemoryInputTests {
  private static let rows = SeededVectors.floats(rows: 9, dimension: 3, seed: 4)

  @Test func vectors() throws {
    let bytes = VectorBytes.fvecs(Self.rows)
    var reader = try VectorReader(MemoryFile(bytes.rawSpan), format: .fvecs)
    #expect(reader.rowCount == 9)
    var rows: [Float] = []
    #expect(try reader.read(maxRows: 4, into: &rows) == 4)
    try reader.seek(toRow: 7)
    #expect(try reader.readAll() == Self.rows[7...].flatMap { $0 })
    for length in 0..<bytes.count where length % 16 != 0 {
      let error = failure { _ = try VectorReader(MemoryFile(bytes.rawSpan.slice(0, length)), format: .fvecs) }
      #expect(error?.kind == .badData, "\(length) bytes")
    }
  }

  @Test func ids() throws {
    let matrix = VectorBytes.ivecs([[5, 0], [1, -1]])
    #expect(try IDMatrix(ivecs: MemoryFile(matrix.rawSpan)) == IDMatrix(ids: [5, 0, 1, -1], width: 2, component: .i32))
    let ids: [UInt64] = [7, 1 << 40, 3]
    let bytes = ids.flatMap { VectorBytes.bytes($0) }
    var reader = try IDReader(MemoryFile(bytes.rawSpan))
    var found: [UInt64] = []
    try reader.read(maxCount: 5, into: &found)
    #expect(found == ids)
    try reader.seek(toRow: 1)
    try reader.read(maxCount: 1, into: &found)
    #expect(found == [1 << 40])
    #expect(failure { _ = try IDReader(MemoryFile([UInt8]().rawSpan)) }?.cause == .empty)
    #expect(failure { _ = try IDReader(MemoryFile(bytes.rawSpan.slice(0, 9))) }?.cause == .sizeMismatch)
  }
}
