internal import PQFormat
internal import PQKernels
internal import PQModel
internal import PQStorage

/// What an index file was built with: its parameters, quantizers and the account of their training.
struct ModelFile: Sendable {
  let path: String
  let index: IndexParameters
  let alignmentLog2: Int
  let model: Model
  let metadata: JSON

  /// Reads the model of an index of any size; one with n = 0 is nothing else. O(nlist · D + D²).
  /// - Throws: `.file`, or `.badData` for what is no sound index or has features that may not be copied.
  init(path: String) throws(BuildError) {
    let map = try IndexMap(path: path)
    do throws(FormatError) { try self.init(path, map) } catch {
      throw map.failure.map { .file($0) } ?? .badData("\(path): \(error.description)")
    }
    if let failure = map.failure { throw .file(failure) }
  }

  private init(_ path: String, _ map: borrowing IndexMap) throws(FormatError) {
    let index = map.structure.header.parameters
    self.path = path
    self.index = index
    alignmentLog2 = map.structure.header.alignmentLog2
    var model = Model(dimension: index.dimension, coarse: nil, quantizer: nil, residual: index.residual)
    if index.nlist > 0 {
      model.coarse = CoarseQuantizer(
        dimension: index.dimension, nlist: index.nlist, blocks: try Self.floats(.centroids, map),
        groups: try Self.groups(map))
    }
    if index.isRotated {
      let axes = try Self.floats(.rotation, map)
      if let problem = RotationAxes.problem(axes.span, dimension: index.dimension) {
        throw FormatError(.badSection, "section rotation", at: map.structure.table[.rotation]?.offset ?? 0, problem)
      }
      model.rotation = Rotation(dimension: index.dimension, blocks: axes)
    }
    if index.m > 0 {
      model.quantizer = ProductQuantizer(
        dimension: index.dimension, m: index.m, nbits: index.nbits, codebooks: try Self.floats(.codebooks, map))
    }
    self.model = model
    metadata = try Self.metadata(map)
    fileID = map.structure.header.fileID
  }

  /// Calls `body` with a section's bytes, whose checksum is right.
  private static func withSection<Result>(
    _ section: Section, _ map: borrowing IndexMap, _ body: (RawSpan) throws(FormatError) -> Result
  ) throws(FormatError) -> Result {
    try map.withBytes(at: section.offset, count: Int(section.length)) { bytes throws(FormatError) in
      let crc = Checksum.plain(bytes)
      guard crc == section.crc else {
        throw .checksum("section \(section.name)", at: section.offset, expected: section.crc, found: crc)
      }
      return try body(bytes)
    }
  }

  private static func floats(_ kind: SectionKind, _ map: borrowing IndexMap) throws(FormatError) -> [Float] {
    guard let section = map.structure.table[kind] else { return [] }
    return try withSection(section, map) { bytes throws(FormatError) in
      let values = bytes.floats()
      var array: [Float] = []
      array.reserveCapacity(values.count)
      for i in values.indices {
        guard values[i].isFinite else {
          throw FormatError(
            .badSection, "section \(section.name)", at: section.offset + UInt64(4 * i),
            "the value \(values[i]) is not finite")
        }
        array.append(values[i])
      }
      return array
    }
  }

  private static func groups(_ map: borrowing IndexMap) throws(FormatError) -> CoarseQuantizer.Groups? {
    guard let section = map.structure.table[.groups] else { return nil }
    let index = map.structure.header.parameters
    return try withSection(section, map) { bytes throws(FormatError) in
      let groups = try CoarseGroups(
        decoding: bytes, nlist: index.nlist, dimension: index.dimension, at: section.offset)
      let values = bytes.slice(groups.blocks.lowerBound, groups.blocks.count).floats()
      return CoarseQuantizer.Groups(starts: groups.starts, blocks: values.indices.map { values[$0] })
    }
  }

  private static func metadata(_ map: borrowing IndexMap) throws(FormatError) -> JSON {
    guard let section = map.structure.table[.metadata] else { return .object([:]) }
    return try withSection(section, map) { bytes throws(FormatError) in
      var text: [UInt8] = []
      text.append(bytes)
      guard let string = String(validating: text, as: UTF8.self), let metadata = JSON(parsing: string) else {
        throw FormatError(.badSection, "section \(section.name)", at: section.offset, "it is no JSON text")
      }
      return metadata
    }
  }

  /// The header of an index file, checked.
  static func header(of path: String) throws(BuildError) -> Header { try IndexMap(path: path).structure.header }

  /// Tells one file's content, and so its model with all parameters, from another.
  let fileID: UInt64

  /// How frames were to be compressed.
  var compression: Compression {
    metadata["parameters"]?["compression"]?.string.flatMap(Compression.init) ?? .auto
  }
}
