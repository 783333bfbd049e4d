/// Why a quantizer could not be trained.
public enum TrainingError: Error, Sendable, Equatable {
  /// Each centroid needs a training vector of its own.
  case tooFewVectors(have: Int, centroids: Int, quantizer: String)
  /// The caller asked to stop.
  case cancelled
}
