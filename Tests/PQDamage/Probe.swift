internal import Glibc
public import PQFormat
public import PQSearch
internal import PQTestSupport

/// What a file gives to one who opens and searches it.
public enum Outcome: Equatable, Sendable {
  /// Opening or searching found damage.
  case refused(FormatError)
  case results([Neighbor])
}

/// A file whose bytes are changed and which is opened, searched and verified after each change, all in one process.
public struct Probe: ~Copyable {
  private let folder: TemporaryFolder
  private let descriptor: Int32
  public let path: String
  private var size: Int

  public init(_ bytes: [UInt8]) throws {
    let folder = try TemporaryFolder()
    path = try folder.write(bytes, to: "probe.pqx")
    // A C string that lives for the call.
    descriptor = unsafe open(path, O_RDWR | O_CLOEXEC)
    size = bytes.count
    self.folder = folder
    precondition(descriptor >= 0, "the probe's file cannot be opened")
  }

  deinit { close(descriptor) }

  /// Overwrites bytes in place: pwrite(2).
  public func write(_ bytes: [UInt8], at offset: Int = 0) {
    let written = unsafe bytes.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress, $0.count, offset) }
    precondition(written == bytes.count, "writing the probe's file failed")
  }

  /// Cuts the file, or extends it by zeros: ftruncate(2).
  public mutating func resize(_ count: Int) {
    guard count != size else { return }
    precondition(ftruncate(descriptor, count) == 0, "the probe's file cannot be cut")
    size = count
  }

  /// Makes the file consist of `bytes`.
  public mutating func replace(_ bytes: [UInt8]) {
    resize(bytes.count)
    write(bytes)
  }

  /// A search that visits every list and compares every vector with each query; with stored vectors beside codes, each
  /// vector exactly too.
  public func searchAll(_ queries: [Float]) throws(IndexError) -> Outcome {
    do throws(IndexError) {
      let index = try Index(path: path)
      let p = index.parameters
      let all = Int(clamping: min(p.count + 1, 1 << 16))
      let exact = p.m > 0 && p.vectors != .none
      let options = SearchOptions(k: all, nprobe: max(1, p.nlist), rerank: exact ? all : 0)
      return .results(try index.search(queries, options).neighbors)
    } catch {
      guard case .format(_, let error) = error else { throw error }
      return .refused(error)
    }
  }

  /// What opening or verifying finds.
  public func problems(deep: Bool = false) throws(IndexError) -> [FormatError] {
    do throws(IndexError) {
      return try Index(path: path).verify(deep: deep)
    } catch {
      guard case .format(_, let error) = error else { throw error }
      return [error]
    }
  }
}
