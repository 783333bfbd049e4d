import Foundation
import PQFormat
import PQStorage
import PQTestSupport
import Testing

/// What of a mapped file is in memory.
@Suite struct ResidenceTests {
  @Test func whatWasReadIsThere() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("pages")
    let count = 300 * 4096 + 7
    try Data(repeating: 5, count: count).write(to: URL(fileURLWithPath: path))
    let file = try MappedFile(path: path)
    let losesPages = file.losesPages
    #expect(losesPages)
    var sum = 0
    for page in 0...300 { sum += Int(file.bytes.u8(at: page * 4096)) }
    #expect(sum == 5 * 301)
    // Ranges that begin and end anywhere, none, and such as are not in the file.
    let ranges = [(0, count), (0, 1), (4095, 2), (count - 1, 1), (5, 70 * 4096), (8192, 0), (count, 1), (-1, 5)]
    for (offset, length) in ranges {
      let isResident = file.isResident(offset: offset, count: length)
      #expect(isResident == true, "\(offset), \(length)")
    }
    let read = try MappedFile(path: path, access: .read)
    let (loses, isResident) = (read.losesPages, read.isResident(offset: 0, count: count))
    #expect(!loses && isResident == true)
  }

  /// A file without any block was never read.
  @Test func whatWasNotReadIsNot() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("hole")
    #expect(FileManager.default.createFile(atPath: path, contents: nil))
    let handle = try #require(FileHandle(forWritingAtPath: path))
    try handle.truncate(atOffset: 300 * 4096)
    try handle.close()
    let file = try MappedFile(path: path)
    for (offset, length) in [(0, 1), (4095, 2), (100 * 4096, 70 * 4096), (0, 300 * 4096)] {
      let isResident = file.isResident(offset: offset, count: length)
      #expect(isResident == false, "\(offset), \(length)")
    }
    for page in 0..<300 { #expect(file.bytes.u8(at: page * 4096) == 0) }
    let isResident = file.isResident(offset: 0, count: 300 * 4096)
    #expect(isResident == true)
  }
}
