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

  /// Reads the model of an index of any size; one with n = 0 is nothing else. O(nlist · D).
  /// - Throws: `.file`, or `.badData` for what is no sound index or has features that may not be copied.
  init(path: String) throws(BuildError) {
    let map = try BuildError.onFiles { () throws(FileError) in try MappedFile(path: path) }
    do throws(FormatError) {
      let structure = try IndexStructure(decoding: map.bytes)
      try structure.header.features.checkCopyable()
      try self.init(path, structure, map.bytes)
    } catch { throw .badData("\(path): \(error.description)") }
  }

  init(_ path: String, _ structure: IndexStructure, _ bytes: RawSpan) throws(FormatError) {
    let index = structure.header.parameters
    func floats(_ kind: SectionKind) throws(FormatError) -> [Float] {
      guard let section = structure.table[kind] else { return [] }
      let content = bytes.slice(Int(section.offset), Int(section.length))
      let crc = Checksum.plain(content)
      guard crc == section.crc else {
        throw .checksum("section \(section.name)", at: section.offset, expected: section.crc, found: crc)
      }
      let values = content.floats()
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
    self.path = path
    self.index = index
    alignmentLog2 = structure.header.alignmentLog2
    model = Model(
      dimension: index.dimension,
      coarse: index.nlist > 0
        ? CoarseQuantizer(dimension: index.dimension, nlist: index.nlist, blocks: try floats(.centroids)) : nil,
      quantizer: index.m > 0
        ? ProductQuantizer(
          dimension: index.dimension, m: index.m, nbits: index.nbits, codebooks: try floats(.codebooks)) : nil,
      residual: index.residual)
    metadata = try Self.metadata(structure.table, bytes)
    digest = [SectionKind.centroids, .codebooks].compactMap { structure.table[$0] }.map {
      "\($0.name) \(hex($0.crc))"
    }.joined(separator: ", ")
  }

  private static func metadata(_ table: SectionTable, _ bytes: RawSpan) throws(FormatError) -> JSON {
    guard let section = table[.metadata] else { return .object([:]) }
    let content = bytes.slice(Int(section.offset), Int(section.length))
    let crc = Checksum.plain(content)
    guard crc == section.crc else {
      throw .checksum("section \(section.name)", at: section.offset, expected: section.crc, found: crc)
    }
    var text: [UInt8] = []
    text.append(content)
    guard let string = String(validating: text, as: UTF8.self), let metadata = JSON(parsing: string) else {
      throw FormatError(.badSection, "section \(section.name)", at: section.offset, "it is no JSON text")
    }
    return metadata
  }

  /// The header of an index file, checked.
  static func header(of path: String) throws(BuildError) -> Header {
    let map = try BuildError.onFiles { () throws(FileError) in try MappedFile(path: path) }
    do throws(FormatError) { return try IndexStructure(decoding: map.bytes).header } catch {
      throw .badData("\(path): \(error.description)")
    }
  }

  /// Tells one model from another, whatever file it is in.
  let digest: String

  /// How frames were to be compressed.
  var compression: Compression {
    metadata["parameters"]?["compression"]?.string.flatMap(Compression.init) ?? .auto
  }

  /// The account of the training; empty if there is none.
  var training: JSON { metadata["training"] ?? .object([:]) }
}
