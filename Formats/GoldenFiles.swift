internal import Foundation

/// Index files that every version of the software must go on reading, or refusing, alike; golden/README.md has a row
/// for each.
public enum GoldenFiles {
  /// The folder that holds the files.
  public static var folder: String { (Bundle.module.resourcePath ?? Bundle.module.bundlePath) + "/golden" }

  /// Files of the present format without fault.
  public static let valid = [
    "flat-f32.pqx", "flat-u8.pqx", "flat-first-id.pqx", "pq-8.pqx", "pq-13.pqx", "pq-ids.pqx", "ivfflat-ip.pqx",
    "ivfpq-l2-8.pqx", "ivfpq-4.pqx", "ivfpq-10.pqx", "ivfpq-cosine-f16.pqx", "ivfpq-lz4.pqx", "ivfpq-groups.pqx",
    "ivfflat-groups-ip.pqx", "ivfpq-rotated.pqx", "pq-rotated-cosine.pqx",
    "ivfpq-empty.pqx",
  ]

  /// Older versions of the format.
  public static let olderVersions = ["1.0", "1.1", "1.2"]

  /// The same indexes as older versions wrote them, each version in a folder of its name; none of these has a rotation, and
  /// 1.0 no groups.
  public static let olderValid = olderVersions.flatMap { version in
    valid.filter { !$0.contains("rotated") && (version != "1.0" || !$0.contains("groups")) }.map { "\(version)/\($0)" }
  }

  /// Damaged files, each with the name of the error that opening or searching it gives.
  public static let damaged: [(name: String, error: String)] = [
    ("damaged-truncated.pqx", "truncated"),
    ("damaged-text-mode.pqx", "not a PQ index"),
    ("damaged-unfinished.pqx", "unfinished index"),
    ("damaged-header.pqx", "checksum mismatch"),
    ("damaged-newer-major.pqx", "unsupported format version"),
    ("damaged-incompatible-bit.pqx", "unsupported feature"),
    ("damaged-section-table.pqx", "checksum mismatch"),
    ("damaged-section-order.pqx", "invalid section"),
    ("damaged-code-frame.pqx", "checksum mismatch"),
    ("damaged-id-frame.pqx", "checksum mismatch"),
    ("damaged-directory-page.pqx", "checksum mismatch"),
  ]

  public static let olderDamaged = olderVersions.flatMap { version in
    damaged.map { (name: "\(version)/\($0.name)", error: $0.error) }
  }

  /// The queries for files of a dimension, f32: four seeded ones, one of them large, and zeros.
  public static func queries(dimension: Int) -> String { folder + "/queries-\(dimension).fvecs" }
}
