internal import PQKernels

/// What to learn from a sample.
package struct TrainingPlan: Sendable {
  package var dimension: Int
  /// 0: no coarse quantizer.
  package var nlist: Int
  /// Groups that the lists are ordered by, at most `nlist`; 0: none.
  package var groups: Int
  /// 0: no codes.
  package var m: Int
  package var nbits: Int
  package var residual: Bool
  package var coarseIterations: Int
  package var codebookIterations: Int
  package var threads: Int

  package init(
    dimension: Int, nlist: Int, groups: Int = 0, m: Int, nbits: Int, residual: Bool, coarseIterations: Int,
    codebookIterations: Int, threads: Int
  ) {
    self.dimension = dimension
    self.nlist = nlist
    self.groups = groups
    self.m = m
    self.nbits = nbits
    self.residual = residual
    self.coarseIterations = coarseIterations
    self.codebookIterations = codebookIterations
    self.threads = threads
  }

  /// Training vectors per codebook centroid: more change the codebook little (as in Faiss).
  package static let vectorsPerCodebookCentroid = 256
}

/// The learned quantizers, and how their training went.
package struct Model: Sendable {
  package var dimension: Int
  package var coarse: CoarseQuantizer?
  package var quantizer: ProductQuantizer?
  package var residual: Bool
  package var coarseHistory: [KMeans.Iteration] = []
  /// Per subspace: the mean squared error of the training vectors' sub-vectors at the last assignment.
  package var distortion: [Double] = []

  package init(dimension: Int, coarse: CoarseQuantizer?, quantizer: ProductQuantizer?, residual: Bool) {
    self.dimension = dimension
    self.coarse = coarse
    self.quantizer = quantizer
    self.residual = residual
  }
}

/// What the training reports while it runs.
package enum TrainingStep: Sendable {
  case coarse(iteration: Int, KMeans.Iteration)
  case groups(KMeans.Iteration)
  case codebook(subspace: Int)
}

extension TrainingPlan {
  /// Learns the model from `sample` `[row][dimension]`, in seeded random order: any prefix is a uniform sample too.
  ///
  /// The coarse quantizer uses all rows, the codebooks the first 256 · 2^nbits (of the residuals, if so planned).
  /// - Parameter progress: false stops the training.
  package func train<Sample: PointSource>(
    _ sample: consuming Sample, progress: @escaping @Sendable (TrainingStep) -> Bool
  ) throws(TrainingError) -> Model {
    var model = Model(dimension: dimension, coarse: nil, quantizer: nil, residual: residual)
    if nlist > 0 { try trainCoarse(sample, model: &model, progress: progress) }
    guard m > 0 else { return model }
    var rows = sample.first((Self.vectorsPerCodebookCentroid << nbits) * dimension)
    if residual, let coarse = model.coarse {
      var lists: [UInt32] = []
      coarse.assign(rows, threads: threads, into: &lists)
      coarse.subtractCentroids(lists, from: &rows, threads: threads)
    }
    try trainCodebooks(rows, model: &model, progress: progress)
    return model
  }

  private func trainCoarse(
    _ sample: some PointSource, model: inout Model, progress: (TrainingStep) -> Bool
  ) throws(TrainingError) {
    let kmeans = KMeans(k: nlist, iterations: coarseIterations, threads: threads, groups: groups)
    var number = 0
    let result = try kmeans.train(sample, stride: dimension, dimension: dimension, quantizer: "coarse quantizer") {
      number += 1
      return progress(.coarse(iteration: number, $0))
    }
    var coarse = CoarseQuantizer(dimension: dimension, nlist: nlist, blocks: result.blocks)
    if groups > 0 { coarse = try coarse.grouped(into: groups, threads: threads) { progress(.groups($0)) } }
    model.coarse = coarse
    model.coarseHistory = result.history
  }

  /// Subspaces are independent: with as many as threads each gets one, else the threads share one after another.
  private func trainCodebooks(
    _ sample: [Float], model: inout Model, progress: @escaping @Sendable (TrainingStep) -> Bool
  ) throws(TrainingError) {
    let wide = m >= threads
    let kmeans = KMeans(k: 1 << nbits, iterations: codebookIterations, threads: wide ? 1 : threads, hastens: true)
    let subdimension = dimension / m
    let dimension = dimension
    let results = Threads.map(count: m, threads: wide ? threads : 1) { s -> Result<KMeans.Result, TrainingError> in
      Result { () throws(TrainingError) in
        let result = try kmeans.train(
          sample, offset: s * subdimension, stride: dimension, dimension: subdimension, quantizer: "codebook \(s)"
        ) { _ in progress(.codebook(subspace: s)) }
        return result
      }
    }
    var codebooks: [Float] = []
    let rows = Double(sample.count / dimension)
    for result in results {
      let codebook = try result.get()
      codebooks.append(contentsOf: codebook.blocks)
      model.distortion.append((codebook.history.last?.objective ?? 0) / rows)
    }
    model.quantizer = ProductQuantizer(dimension: dimension, m: m, nbits: nbits, codebooks: codebooks)
  }
}
