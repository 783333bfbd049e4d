internal import Glibc
internal import PQFormat
package import SystemPackage

/// What fstat(2) says of an open file: its kind, its length, and what shows that it has changed.
package struct FileStatus: Sendable, Equatable {
  package let mode: UInt32
  package let device: UInt64
  package let inode: UInt64
  package let size: UInt64
  package let modifiedSeconds: Int
  package let modifiedNanoseconds: Int

  package init(_ file: FileDescriptor, path: String) throws(FileError) {
    var status = stat()
    guard unsafe fstat(file.rawValue, &status) == 0 else {
      throw FileError("fstat", path, Errno(rawValue: Glibc.errno), .inputOutput)
    }
    mode = status.st_mode
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    size = UInt64(max(0, status.st_size))
    modifiedSeconds = status.st_mtim.tv_sec
    modifiedNanoseconds = status.st_mtim.tv_nsec
  }

  package var isRegular: Bool { mode & S_IFMT == S_IFREG }
}
