internal import PQFormat

/// Standard input on its way into a work file, to be read more than once.
package struct Spool: ~Copyable {
  private let input: InputFile
  private var chunk = [UInt8](repeating: 0, count: 1 << 20)
  /// Bytes of the chunk that are not yet copied.
  private var filled: Int

  /// Reads the first mebibyte, or all that there is.
  /// - Parameter isCancelled: asked while there is nothing to read, and after each mebibyte.
  package init(isCancelled: @escaping @Sendable () -> Bool) throws(VectorFileError) {
    let input = try InputFile(path: "-", isCancelled: isCancelled)
    filled = try input.read(into: &chunk, range: 0..<chunk.count)
    self.input = input
  }

  /// What the beginning tells, before anything is copied: not the number of rows where no header has it.
  package func beginning(_ format: VectorFileFormat) throws(VectorFileError) -> VectorReader {
    try VectorReader(beginning: MemoryFile(chunk.rawSpan.slice(0, filled)), of: input.label, format: format)
  }

  /// Copies all of it, and returns its CRC-32C.
  /// - Parameter progress: told the bytes so far after each mebibyte.
  package mutating func copyAll(
    to file: inout WorkFile, progress: (UInt64) -> Void
  ) throws(VectorFileError) -> UInt32 {
    var crc: UInt32 = 0
    while filled > 0 {
      crc = Checksum.plain(chunk.rawSpan.slice(0, filled), continuing: crc)
      do throws(FileError) { try file.append(chunk.rawSpan.slice(0, filled)) } catch {
        throw VectorFileError(.writeFailed, file: file.path, error.description)
      }
      progress(file.position)
      if input.isCancelled() { throw VectorFileError(.interrupted, file: input.label, "interrupted") }
      filled = try input.read(into: &chunk, range: 0..<chunk.count)
    }
    do throws(FileError) { try file.synchronizeData() } catch {
      throw VectorFileError(.writeFailed, file: file.path, error.description)
    }
    return crc
  }
}
