internal import CPQSystem
internal import Glibc
internal import SystemPackage

/// The calls that SystemPackage lacks, one line each; errors stay in errno.

func lastErrno() -> Errno { Errno(rawValue: Glibc.errno) }

func fsyncFile(_ file: Int32) -> Int32 { fsync(file) }

func fdatasyncFile(_ file: Int32) -> Int32 { fdatasync(file) }

func truncateFile(_ file: Int32, to length: UInt64) -> Int32 { ftruncate(file, off_t(length)) }

/// Waits for bytes, the end or an error on `file`: poll(2). False when none came within `milliseconds`, or before a
/// signal.
func waitForInput(_ file: Int32, milliseconds: Int32) -> Bool {
  var entry = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
  let count = unsafe poll(&entry, 1, milliseconds)
  return count > 0 || (count < 0 && Glibc.errno != EINTR)
}

/// True while `path` leads to the file that is open as `file`: fstat(2), stat(2).
func isSameFile(_ path: String, _ file: Int32) -> Bool {
  var (opened, named) = (stat(), stat())
  guard unsafe fstat(file, &opened) == 0, unsafe stat(path, &named) == 0 else { return false }
  return opened.st_dev == named.st_dev && opened.st_ino == named.st_ino
}

func chmodFile(_ file: Int32, _ mode: mode_t) -> Int32 { fchmod(file, mode) }

func chmodFile(_ path: String, _ mode: mode_t) -> Int32 { unsafe chmod(path, mode) }

/// The length of a file: lstat(2); 0 if there is none.
func fileBytes(_ path: String) -> UInt64 {
  var status = stat()
  return unsafe lstat(path, &status) == 0 ? UInt64(clamping: status.st_size) : 0
}

/// flock(2), exclusive, without waiting.
func lockFile(_ file: Int32) -> Int32 { flock(file, LOCK_EX | LOCK_NB) }

/// The same, of the lock: closing the file would leave it to copies of the descriptor, which a process that is being started has
/// until it runs its program.
func unlockFile(_ file: Int32) { _ = flock(file, LOCK_UN) }

func makeFolder(_ path: String) -> Int32 { unsafe mkdir(path, 0o755) }

func removeFolder(_ path: String) -> Int32 { unsafe rmdir(path) }

func removeFile(_ path: String) -> Int32 { unsafe unlink(path) }

/// rename(2), which replaces, or renameat2(2) with RENAME_NOREPLACE.
func renameFile(_ from: String, _ to: String, replacing: Bool) -> Int32 {
  unsafe replacing ? rename(from, to) : cpq_rename_noreplace(from, to)
}

/// Bytes that an unprivileged process can still write in the file system of `path`: statvfs(3). nil if unknown.
func availableBytes(_ path: String) -> UInt64? {
  var status = statvfs()
  guard unsafe statvfs(path, &status) == 0 else { return nil }
  return UInt64(status.f_bavail) * UInt64(status.f_frsize)
}

/// True when something, a dangling link included, stands at `path`: lstat(2).
func pathExists(_ path: String) -> Bool {
  var status = stat()
  return unsafe lstat(path, &status) == 0
}

/// True when something stands at `path` that is no folder, a link to one included: lstat(2).
func isOtherThanFolder(_ path: String) -> Bool {
  var status = stat()
  return unsafe lstat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFDIR
}

/// True when something stands at `path` that a regular file does not take the place of, such as a folder or a device: stat(2).
func isSpecial(_ path: String) -> Bool {
  var status = stat()
  return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFREG
}

/// Whether files can be made in the folder: access(2). errno says why not.
func isWritable(_ folder: String) -> Bool { unsafe access(folder, W_OK | X_OK) == 0 }

/// True when both paths lead to one file: stat(2).
package func areSameFile(_ path: String, _ other: String) -> Bool {
  var (one, two) = (stat(), stat())
  guard unsafe stat(path, &one) == 0, unsafe stat(other, &two) == 0 else { return false }
  return one.st_dev == two.st_dev && one.st_ino == two.st_ino
}

/// Puts something that cannot be used in the place of standard streams that are closed: else the first files that are opened
/// would be taken for them, and what is printed would go there. fcntl(2), and open(2), which takes the lowest free number.
package func occupyStandardStreams() {
  for stream in 0...2 as ClosedRange<Int32> where fcntl(stream, F_GETFD) < 0 {
    _ = unsafe open("/dev/null", stream == 0 ? O_WRONLY : O_RDONLY)
  }
}

/// Names in a folder, without `.` and `..`.
func folderContents(_ path: String) -> [String] {
  guard let folder = unsafe opendir(path) else { return [] }
  defer { unsafe _ = closedir(folder) }
  var names: [String] = []
  while let entry = unsafe readdir(folder) {
    // d_name is a NUL-terminated array inside the entry, valid until the next readdir.
    let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
      unsafe name.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { unsafe String(cString: $0) }
    }
    if name != ".", name != ".." { names.append(name) }
  }
  return names
}
