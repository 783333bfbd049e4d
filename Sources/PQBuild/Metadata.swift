internal import PQFormat
internal import PQModel

/// The metadata section: how the index was built. Nothing in it varies between runs of the same build, and a shard's
/// differs from the whole's in nothing but what counts its vectors.
enum Metadata {
  static let builder = "pqx \(packageVersion)"

  static func describe(_ trained: TrainedModel, vectors: UInt64, imbalance: Double) -> JSON {
    .object([
      "builder": .string(builder),
      "parameters": trained.parameters,
      "training": trained.training,
      "lists": .object(["imbalance": .number(imbalance)]),
      "vectors": .integer(Int64(vectors)),
    ])
  }

  /// What was chosen.
  static func parameters(_ model: Model, _ plan: BuildPlan) -> JSON {
    let index = plan.index
    var parameters: [String: JSON] = [
      "dimension": .integer(Int64(index.dimension)),
      "index": .string(index.kind.rawValue),
      "metric": .string(index.metric.name),
      "vectors": .string(index.vectors.name),
      "compression": .string(plan.parameters.compression.rawValue),
      "seed": .string("\(plan.parameters.seed)"),
    ]
    if index.nlist > 0 { parameters["nlist"] = .integer(Int64(index.nlist)) }
    if let groups = model.coarse?.groups { parameters["groups"] = .integer(Int64(groups.count)) }
    if index.m > 0 {
      parameters["m"] = .integer(Int64(index.m))
      if let target = plan.parameters.targetBytes { parameters["target_bytes"] = .number(target) }
      parameters["nbits"] = .integer(Int64(index.nbits))
      parameters["residual"] = .boolean(index.residual)
      if index.isRotated { parameters["rotated"] = .boolean(true) }
    }
    return .object(parameters)
  }

  /// What training found.
  static func training(_ model: Model, _ plan: BuildPlan) -> JSON {
    var training: [String: JSON] = [:]
    if model.coarse != nil {
      training["coarse_iterations"] = .integer(Int64(model.coarseHistory.count))
      training["coarse_objective"] = .array(model.coarseHistory.map { .number($0.objective) })
      training["coarse_imbalance"] = .array(model.coarseHistory.map { .number($0.imbalance) })
    }
    if model.quantizer != nil {
      training["codebook_iterations"] = .integer(Int64(plan.codebookIterations))
      training["codebook_distortion"] = .array(model.distortion.map { .number($0) })
    }
    if !training.isEmpty { training["rows"] = .integer(Int64(plan.trainSize)) }
    return .object(training)
  }
}
