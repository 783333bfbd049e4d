import PQFormat
import PQStorage
import PQTestSupport
import Testing

@Suite struct VectorWriterTests {
  private static let rows = SeededVectors.bytes(rows: 40, dimension: 33, limit: 127, seed: 5).map { $0.map(Float.init) }

  @Test(arguments: VectorFileFormat.allCases)
  func whatIsWrittenIsRead(format: VectorFileFormat) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.\(format.rawValue)")
    var writer = try VectorWriter(path: path, dimension: 33)
    for part in [0..<1, 1..<20, 20..<20, 20..<40] {
      let flat = Self.rows[part].flatMap { $0 }
      try writer.append(rows: flat.span)
    }
    #expect(try folder.names() == [])
    try writer.finish()
    #expect(try folder.names() == ["a.\(format.rawValue)"])
    #expect(try readAll(path) == Self.rows)
  }

  @Test func bytesOfTheFormats() throws {
    let folder = try TemporaryFolder()
    let rows: [Float] = [1, 2, 3, 255]
    let expected = [
      "a.fvecs": VectorBytes.fvecs([[1, 2], [3, 255]]),
      "a.bvecs": VectorBytes.bvecs([[1, 2], [3, 255]]),
      "a.fbin": VectorBytes.counted(rows: 2, dimension: 2, rows.flatMap { VectorBytes.bytes($0) }),
      "a.u8bin": VectorBytes.counted(rows: 2, dimension: 2, [1, 2, 3, 255]),
    ]
    for (name, bytes) in expected {
      var writer = try VectorWriter(path: folder.path(name), dimension: 2)
      try writer.append(rows: rows.span)
      try writer.finish()
      #expect(try folder.read(name) == bytes)
    }
  }

  /// Integer formats refuse what they would have to change.
  @Test(arguments: [
    (VectorFileFormat.bvecs, Float(0.5)), (.bvecs, -1), (.bvecs, 256), (.bvecs, .nan), (.bvecs, 1e30), (.u8bin, -0.001),
    (.i8bin, 128), (.i8bin, -129), (.i8bin, -.infinity), (.u8bin, 4_294_967_296), (.u8bin, 16_777_216),
  ])
  func notRepresentable(format: VectorFileFormat, value: Float) throws {
    let folder = try TemporaryFolder()
    let error = failure {
      var writer = try VectorWriter(path: folder.path("a"), format: format, dimension: 3)
      let rows: [Float] = [0, 1, 2, 3, value, 5]
      try writer.append(rows: rows.span)
      try writer.finish()
    }
    #expect(error?.cause == .notRepresentable)
    #expect(error?.kind == .badData)
    #expect(error?.row == 1)
    #expect(error?.detail.contains("component 1 ") == true)
    #expect(try folder.names() == [])
  }

  @Test func existingOutput() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([1], to: "a.fvecs")
    let error = failure { _ = try VectorWriter(path: path, dimension: 1) }
    #expect(error?.cause == .exists)
    #expect(error?.kind == .cannotCreate)
    #expect(try folder.read("a.fvecs") == [1])

    // Replaced only when all is written.
    let rows: [Float] = [7]
    var writer = try VectorWriter(path: path, dimension: 1, replacing: true)
    try writer.append(rows: rows.span)
    #expect(try folder.read("a.fvecs") == [1])
    try writer.finish()
    #expect(try folder.read("a.fvecs") == VectorBytes.fvecs([[7]]))
    #expect(try folder.names() == ["a.fvecs"])
  }

  /// An output that appears while another is written is not overwritten.
  @Test func outputAppears() throws {
    let folder = try TemporaryFolder()
    let error = failure {
      let writer = try VectorWriter(path: folder.path("a.fvecs"), dimension: 1)
      _ = try? folder.write([1], to: "a.fvecs")
      try writer.finish()
    }
    #expect(error?.cause == .exists)
    #expect(try folder.read("a.fvecs") == [1])
    #expect(try folder.names() == ["a.fvecs"])
  }

  @Test func noFolder() throws {
    let folder = try TemporaryFolder()
    #expect(failure { _ = try VectorWriter(path: folder.path("b/a.fvecs"), dimension: 1) }?.kind == .cannotCreate)
    #expect(failure { _ = try VectorWriter(path: folder.path, format: .fvecs, dimension: 1) }?.kind == .cannotCreate)
    #expect(failure { _ = try VectorWriter(path: folder.path("a"), dimension: 1) }?.kind == .usage)
  }
}
