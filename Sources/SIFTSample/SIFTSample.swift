internal import Foundation

/// A small set of real SIFT descriptors, 128 × u8, that travels with the package; README.md has its credit.
public enum SIFTSample {
  /// The folder that holds the files.
  public static var folder: String { Bundle.module.resourcePath ?? Bundle.module.bundlePath }

  /// 20,000 vectors to search in.
  public static var base: String { folder + "/base.bvecs" }

  /// 10,000 vectors to train on.
  public static var learn: String { folder + "/learn.bvecs" }

  /// 500 queries.
  public static var query: String { folder + "/query.bvecs" }

  /// Per query the exact 100 nearest base rows, squared L2, nearest first, ties by lower row.
  public static var groundTruth: String { folder + "/groundtruth.ivecs" }
}
