import PQFormat
import PQStorage
import PQTestSupport
import Testing

/// The failure of reading a whole file with these bytes.
private func failureOfReading(_ bytes: [UInt8], as name: String) throws -> VectorFileError? {
  let folder = try TemporaryFolder()
  let path = try folder.write(bytes, to: name)
  return failure { _ = try readAll(path) }
}

/// FAULTS: what the content of a vector file can have wrong.
@Suite struct VectorReaderFaultTests {
  static let rows: [[Float]] = SeededVectors.floats(rows: 3, dimension: 4, seed: 3)

  @Test(arguments: VectorFileFormat.allCases)
  func empty(format: VectorFileFormat) throws {
    let error = try failureOfReading([], as: "a.\(format.rawValue)")
    #expect(error?.cause == .empty)
    #expect(error?.kind == .badData)
  }

  /// fvecs cut at every byte: whole rows read, anything else is refused with its row.
  @Test func cutRowHeaders() throws {
    let bytes = VectorBytes.fvecs(Self.rows)
    for length in 1..<bytes.count {
      let error = try failureOfReading(Array(bytes[..<length]), as: "a.fvecs")
      guard length % 20 != 0 else {
        #expect(error == nil)
        continue
      }
      #expect(error?.cause == .truncated, "at \(length)")
      #expect(error?.row == UInt64(length / 20))
      #expect(error?.byteOffset == UInt64(length / 20 * 20))
    }
  }

  /// Formats that count their rows, cut at every byte or one byte too long.
  @Test func cutCountedRows() throws {
    let components = Self.rows.flatMap { $0.flatMap { VectorBytes.bytes($0) } }
    let fbin = VectorBytes.counted(rows: 3, dimension: 4, components)
    let npy = VectorBytes.npy(type: "<f4", rows: 3, dimension: 4, components)
    for (name, bytes) in [("a.fbin", fbin), ("a.npy", npy)] {
      for length in 1..<bytes.count {
        let error = try failureOfReading(Array(bytes[..<length]), as: name)
        let headerBytes = bytes.count - components.count
        #expect(error?.cause == (length < headerBytes ? .truncated : .sizeMismatch), "\(name) at \(length)")
      }
      #expect(try failureOfReading(bytes + [0], as: name)?.cause == .sizeMismatch)
    }
  }

  /// A dimension that changes, at the first, middle and last row and around the reader's own chunks of 3 rows.
  @Test(arguments: [0, 1, 2, 3, 4, 5, 6], [1, 65_535, 0, -1, 65_537])
  func dimensionChanges(row: Int, found: Int32) throws {
    let rowBytes = 4 + 4 * 65_536
    var bytes = [UInt8](repeating: 0, count: 7 * rowBytes)
    for i in 0..<7 {
      bytes.replaceSubrange(i * rowBytes..<i * rowBytes + 4, with: VectorBytes.bytes(i == row ? found : 65_536))
    }
    let error = try failureOfReading(bytes, as: "a.fvecs")
    #expect(error?.kind == .badData)
    // In row 0 a valid dimension is the file's own: another row is found to differ, in its place.
    guard row > 0 else { return }
    #expect(error?.row == UInt64(row))
    #expect(error?.byteOffset == UInt64(row * rowBytes))
    #expect(error?.cause == (found > 0 && found <= 65_536 ? .dimensionChanged : .badDimension))
  }

  /// Rows that really are longer or shorter, so that the file's length fits no number of rows.
  @Test(arguments: [1, 2, 3, 4], [3, 5])
  func rowLengthChanges(row: Int, length: Int) throws {
    let rows = (0..<5).map { [Float](repeating: 1, count: $0 == row ? length : 4) }
    let error = try failureOfReading(VectorBytes.fvecs(rows), as: "a.fvecs")
    #expect(error?.cause == .dimensionChanged)
    #expect(error?.row == UInt64(row))
  }

  @Test func byteSwappedDimension() throws {
    for row in [0, 1] {
      var bytes = VectorBytes.fvecs(Self.rows)
      bytes.replaceSubrange(row * 20..<row * 20 + 4, with: [0, 0, 0, 4])
      let error = try failureOfReading(bytes, as: "a.fvecs")
      #expect(error?.cause == .badDimension)
      #expect(error?.row == UInt64(row))
      #expect(error?.detail.contains("byte-swapped") == true)
    }
    let error = try failureOfReading([0, 0, 0, 3, 0, 0, 0, 4], as: "a.fbin")
    #expect(error?.detail.contains("byte-swapped") == true)
  }

  /// A component that is not finite: first, last and middle of 37, in lanes of sixteen and in what is left over.
  @Test(arguments: [Float.nan, .infinity, -.infinity], [0, 15, 16, 31, 32, 36])
  func notFinite(value: Float, component: Int) throws {
    for row in [0, 2, 4] {
      var rows = SeededVectors.floats(rows: 5, dimension: 37, seed: 9)
      rows[row][component] = value
      let error = try failureOfReading(VectorBytes.fvecs(rows), as: "a.fvecs")
      #expect(error?.cause == .notFinite)
      #expect(error?.row == UInt64(row))
      #expect(error?.byteOffset == UInt64(row * 152 + 4 + 4 * component))
      #expect(error?.detail.contains("component \(component) ") == true)
    }
  }

  @Test(arguments: [0x7C00, 0xFC00, 0x7E00, 0x7C01] as [UInt16])
  func notFiniteHalf(bits: UInt16) throws {
    let components = [UInt16](repeating: 0x3C00, count: 3) + [bits]
    let bytes = VectorBytes.npy(type: "<f2", rows: 2, dimension: 2, components.flatMap { VectorBytes.bytes($0) })
    let error = try failureOfReading(bytes, as: "a.npy")
    #expect(error?.cause == .notFinite)
    #expect(error?.row == 1)
  }

  @Test func normOverflow() throws {
    let rows: [[Float]] = [[1e19, 0], [1e38, 0], [1, 1]]
    let error = try failureOfReading(VectorBytes.fvecs(rows), as: "a.fvecs")
    #expect(error?.cause == .normOverflow)
    #expect(error?.row == 1)
    #expect(error?.byteOffset == 12)
  }

  @Test(arguments: [
    (UInt32(0), UInt32(4), VectorFileError.Cause.empty), (1, 0, .badDimension), (1, 65_537, .badDimension),
    (1, .max, .badDimension), (.max, 65_536, .sizeMismatch), (.max, 1, .sizeMismatch), (2, 4, .sizeMismatch),
  ])
  func countHeader(rows: UInt32, dimension: UInt32, cause: VectorFileError.Cause) throws {
    let bytes = VectorBytes.counted(rows: rows, dimension: dimension, [UInt8](repeating: 0, count: 16))
    #expect(try failureOfReading(bytes, as: "a.fbin")?.cause == cause)
  }

  @Test(arguments: [
    ("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 4), }", "Fortran order"),
    ("{'descr': '|O', 'fortran_order': False, 'shape': (1, 4), }", "pickled"),
    ("{'descr': '>f4', 'fortran_order': False, 'shape': (1, 4), }", "big-endian"),
    ("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 4), }", "astype('float32')"),
    ("{'descr': '<i8', 'fortran_order': False, 'shape': (1, 4), }", "'<i8'"),
    ("{'descr': [('a', '<f4'), ('b', '<u1', (2,))], 'fortran_order': False, 'shape': (4,), }", "structured"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }", "1 dimensions"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", "0 dimensions"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 2), }", "3 dimensions"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': 'none', }", "not a tuple"),
    ("{'descr': [['<f4'], 'fortran_order': False, 'shape': (1, 4), }", "not a Python dictionary"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4), }", "no rows"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 0), }", "dimension is 0"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 5000000000), }", "expected 1 to 65536"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551615, 4), }", "more than any file"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (2305843009213693951, 1), }", "more than any file"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 4), }", "not a Python dictionary"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4), }", "not a Python dictionary"),
    ("{'descr': '<f4', 'fortran_order': 0, 'shape': (1, 4), }", "not a Python dictionary"),
    ("{'descr': '<f4', 'fortran_order': 'False', 'shape': (1, 4), }", "neither True nor False"),
    ("{'descr': '<f4', 'fortran_order': False, }", "lacks"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4), 'more': True}", "unknown key"),
    ("{'descr': '<f4", "not a Python dictionary"), ("{'descr': [[[", "not a Python dictionary"),
    ("", "not a Python dictionary"), ("{", "not a Python dictionary"), ("{}", "lacks"), ("{} x", "not a Python"),
    ("\u{0}\u{ff}", "not a Python dictionary"),
  ])
  func npyHeader(header: String, reason: String) throws {
    let bytes = VectorBytes.npy(header: header, [UInt8](repeating: 0, count: 16))
    let error = try failureOfReading(bytes, as: "a.npy")
    #expect(error?.kind == .badData)
    #expect(error?.detail.contains(reason) == true, "\(error?.description ?? "read")")
  }

  @Test func npyMagicVersionAndLength() throws {
    var bytes = VectorBytes.npy(type: "<f4", rows: 1, dimension: 4, [UInt8](repeating: 0, count: 16))
    bytes[6] = 4
    #expect(try failureOfReading(bytes, as: "a.npy")?.detail.contains("version 4") == true)
    bytes[0] = 0
    #expect(try failureOfReading(bytes, as: "a.npy")?.detail.contains("NUMPY") == true)
    let zip = Array("PK\u{3}\u{4}abcdefgh".utf8)
    #expect(try failureOfReading(zip, as: "a.npy")?.detail.contains("npz") == true)
    let long = Array(bytes[1..<6]) + [2, 0] + VectorBytes.bytes(UInt32.max)
    #expect(try failureOfReading([0x93] + long, as: "a.npy")?.detail.contains("4294967295 bytes") == true)
  }

  /// Every bit of the headers flipped: an error or rows, never a trap.
  @Test func anyBitOfAHeader() throws {
    let npy = VectorBytes.npy(type: "<f4", rows: 1, dimension: 1, [0, 0, 128, 63])
    let fbin = VectorBytes.counted(rows: 1, dimension: 1, [0, 0, 128, 63])
    let folder = try TemporaryFolder()
    for (name, bytes) in [("a.npy", npy), ("a.fbin", fbin)] {
      for bit in 0..<8 * (bytes.count - 4) {
        var damaged = bytes
        damaged[bit / 8] ^= 1 << (bit % 8)
        let path = try folder.write(damaged, to: name)
        if let error = failure({ _ = try readAll(path) }) { #expect(error.kind == .badData) }
      }
    }
  }
}
