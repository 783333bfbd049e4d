import Foundation
import PQBuild

/// Seeded vectors around 64 centres, in a folder that is removed at the end, and an index of them.
final class Sample: Sendable {
  static let rows = 20_000
  static let dimension = 64

  let folder: URL
  let vectors: [Float]

  var vectorPath: String { folder.appending(path: "base.fvecs").path }
  var indexPath: String { folder.appending(path: "base.pqx").path }

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "pqx-benchmark-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var random = SeededRandom(state: 1)
    let centres = (0..<64 * Self.dimension).map { _ in random.uniform() * 10 }
    vectors = (0..<Self.rows).flatMap { row in
      (0..<Self.dimension).map { centres[row % 64 * Self.dimension + $0] + random.uniform() }
    }
    var bytes: [UInt8] = []
    func append(_ word: UInt32) {
      for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
    }
    for row in 0..<Self.rows {
      append(UInt32(Self.dimension))
      for value in vectors[row * Self.dimension..<(row + 1) * Self.dimension] { append(value.bitPattern) }
    }
    try Data(bytes).write(to: URL(filePath: vectorPath))
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func build() throws -> BuildReport {
    var parameters = BuildParameters()
    parameters.nlist = 128
    parameters.m = 16
    parameters.vectors = .f32
    var build = FileBuild(input: VectorSource(path: vectorPath), output: indexPath, parameters: parameters)
    build.replacing = true
    return try build.run()
  }

  /// A sample with its index, made once.
  static func built() throws -> Sample { try shared.get() }

  private static let shared = Result {
    let sample = try Sample()
    _ = try sample.build()
    return sample
  }

  /// The first rows, as queries.
  func queries(_ count: Int) -> [Float] { Array(vectors.prefix(count * Self.dimension)) }
}

/// SplitMix64.
struct SeededRandom {
  var state: UInt64

  /// At least 0 and below 1.
  mutating func uniform() -> Float {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Float((z ^ (z >> 31)) >> 40) / Float(1 << 24)
  }
}
