internal import PQFormat
package import PQModel

/// The quantizers that a build has learned, with the plan that they belong to.
public struct TrainedModel: Sendable {
  public let plan: BuildPlan
  package let model: Model
  /// What was chosen, and the account of the training, as they stand in the metadata.
  let parameters: JSON
  let training: JSON

  /// A model that is there already: made by hand, or read from a file.
  /// - Precondition: it has the plan's quantizers.
  package init(_ plan: BuildPlan, model: Model) {
    precondition(
      model.coarse?.nlist ?? 0 == plan.index.nlist && model.quantizer?.m ?? 0 == plan.index.m
        && model.quantizer?.nbits ?? 0 == plan.index.nbits
        && (model.rotation != nil) == plan.index.isRotated,
      "the model has other quantizers than the plan")
    self.plan = plan
    self.model = model
    parameters = Metadata.parameters(model, plan)
    training = Metadata.training(model, plan)
  }

  /// The model of a file, with a plan made for it.
  init(_ plan: BuildPlan, file: ModelFile) {
    self.plan = plan
    model = file.model
    parameters = file.metadata["parameters"] ?? Metadata.parameters(file.model, plan)
    training = file.metadata["training"] ?? .object([:])
  }

  /// Learns the plan's quantizers from `sample` `[row][dimension]`, in seeded random order (rows of ``Sample``).
  ///
  /// Deterministic for a sample, whatever the number of threads. Cosine indexes normalise the sample first.
  /// - Parameters:
  ///   - progress: is called on the training threads.
  ///   - isCancelled: asked after each iteration.
  /// - Throws: `.usage` for a sample smaller than a quantizer's number of centroids, `.badData` for a value that is
  ///   not finite, `.interrupted`.
  public init(
    _ plan: BuildPlan, sample: consuming [Float], progress: @escaping @Sendable (BuildProgress) -> Void = { _ in },
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws(BuildError) {
    try RowCheck.prepare(&sample, index: plan.index, firstRow: 0, threads: plan.parameters.threads)
    try self.init(plan, prepared: sample, progress: progress, isCancelled: isCancelled)
  }

  /// Learns from a sample that is in memory or not, whose rows have been checked and normalised where they must be.
  init<Sample: PointSource>(
    _ plan: BuildPlan, prepared sample: consuming Sample, progress: @escaping @Sendable (BuildProgress) -> Void,
    isCancelled: @escaping @Sendable () -> Bool
  ) throws(BuildError) {
    let index = plan.index
    let training = TrainingPlan(
      dimension: index.dimension, nlist: index.nlist, groups: plan.groups, m: index.m, nbits: index.nbits,
      residual: index.residual, rotates: index.isRotated, coarseIterations: plan.coarseIterations,
      codebookIterations: plan.codebookIterations, threads: plan.parameters.threads)
    let model: Model
    do throws(TrainingError) {
      model = try training.train(sample) { step in
        switch step {
        case .coarse(let iteration, let state):
          progress(
            .coarse(
              iteration: iteration, objective: state.objective, imbalance: state.imbalance, empty: state.empty))
        case .groups: progress(.listGroups)
        case .rotation: progress(.rotation)
        case .codebook(let subspace): progress(.codebook(subspace: subspace))
        }
        return !isCancelled()
      }
    } catch {
      switch error {
      case .cancelled: throw .interrupted
      case .tooFewVectors(let have, let centroids, let quantizer):
        throw .usage("\(quantizer): \(have) training vectors for \(centroids) centroids; give at least \(centroids)")
      }
    }
    self.plan = plan
    self.model = model
    parameters = Metadata.parameters(model, plan)
    self.training = Metadata.training(model, plan)
  }
}
