internal import PQFormat
internal import PQKernels
internal import PQStorage

/// A mapped index file, and what of it has been checked: nothing is copied out of the map.
///
/// Opening checks the structure (header, footer, section table). Each other byte is checked when it is first used,
/// once per open file; see `IndexFile+Checks.swift`.
struct IndexFile: ~Copyable, Sendable {
  let map: MappedFile
  let header: Header
  let table: SectionTable
  let checks: Checks

  var parameters: IndexParameters { header.parameters }

  /// Maps and checks the file's structure (Formats/pqx-v1.md, "Reading", steps 1–7). O(1).
  init(path: String) throws(IndexError) {
    let map: MappedFile
    do throws(FileError) { map = try MappedFile(path: path) } catch { throw .file(error) }
    let structure: IndexStructure
    do throws(FormatError) {
      structure = try IndexStructure(decoding: map.bytes)
    } catch { throw .format(path: path, error) }
    checks = Checks(structure.table)
    self.map = map
    header = structure.header
    table = structure.table
  }

  /// The bytes of a section; none if the file has no such section. Its range was checked at open.
  @_lifetime(borrow self)
  borrowing func bytes(of kind: SectionKind) -> RawSpan {
    guard let section = table[kind] else { return map.bytes.slice(0, 0) }
    return map.bytes.slice(Int(section.offset), Int(section.length))
  }

  /// The bytes of a section, of a known kind or not.
  @_lifetime(borrow self)
  borrowing func bytes(of section: Section) -> RawSpan {
    map.bytes.slice(Int(section.offset), Int(section.length))
  }
}
