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
  /// Whether codes are of rotated vectors.
  package var rotates: Bool
  package var coarseIterations: Int
  package var codebookIterations: Int
  package var threads: Int

  package init(
    dimension: Int, nlist: Int, groups: Int = 0, m: Int, nbits: Int, residual: Bool, rotates: Bool = false,
    coarseIterations: Int, codebookIterations: Int, threads: Int
  ) {
    self.dimension = dimension
    self.nlist = nlist
    self.groups = groups
    self.m = m
    self.nbits = nbits
    self.residual = residual
    self.rotates = rotates
    self.coarseIterations = coarseIterations
    self.codebookIterations = codebookIterations
    self.threads = threads
  }

  /// Training vectors per codebook centroid: more change the codebook little (as in Faiss).
  package static let vectorsPerCodebookCentroid = 256

  /// The most training vectors that codebooks and a rotation learn from.
  package static func codebookRows(nbits: Int, rotated dimension: Int?) -> Int {
    max(vectorsPerCodebookCentroid << nbits, dimension.map(Rotation.mostPoints) ?? 0)
  }
}

/// The learned quantizers, and how their training went.
package struct Model: Sendable {
  package var dimension: Int
  /// Of vectors, before anything else: centroids and codebooks are of rotated ones. Nil: none.
  package var rotation: Rotation?
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
  case rotation
  case codebook(subspace: Int)
}

extension TrainingPlan {
  /// Learns the model from `sample` `[row][dimension]`, in seeded random order: any prefix is a uniform sample too.
  ///
  /// The coarse quantizer uses all rows, the codebooks the first 256 · 2^nbits (of the residuals, if so planned), a rotation at
  /// most 4,096, or 16 for each component. What rows are nearest to does not change with a rotation, so that centroids are
  /// learned before it and rotated.
  /// - Parameter progress: false stops the training.
  package func train<Sample: PointSource>(
    _ sample: consuming Sample, progress: @escaping @Sendable (TrainingStep) -> Bool
  ) throws(TrainingError) -> Model {
    var model = Model(dimension: dimension, coarse: nil, quantizer: nil, residual: residual)
    if nlist > 0 { try trainCoarse(sample, model: &model, progress: progress) }
    guard m > 0 else { return model }
    var rows = sample.first(Self.codebookRows(nbits: nbits, rotated: rotates ? dimension : nil) * dimension)
    if residual, let coarse = model.coarse {
      var lists: [UInt32] = []
      coarse.assign(rows, threads: threads, into: &lists)
      coarse.subtractCentroids(lists, from: &rows, threads: threads)
    }
    if rotates { try rotate(&rows, model: &model, progress: progress) }
    try trainCodebooks(rows, model: &model, progress: progress)
    return model
  }

  private func trainCoarse(
    _ sample: some PointSource, model: inout Model, progress: (TrainingStep) -> Bool
  ) throws(TrainingError) {
    let kmeans = KMeans(k: nlist, iterations: coarseIterations, threads: threads, groups: groups)
    var number = 0
    let result = try kmeans.train(sample, dimension: dimension, quantizer: "coarse quantizer") {
      number += 1
      return progress(.coarse(iteration: number, $0))
    }
    var coarse = CoarseQuantizer(dimension: dimension, nlist: nlist, blocks: result.blocks)
    if groups > 0 { coarse = try coarse.grouped(into: groups, threads: threads) { progress(.groups($0)) } }
    model.coarse = coarse
    model.coarseHistory = result.history
  }

  /// Learns the rotation from what codes are of, rotates what was learned before, and keeps of `rows` those that codebooks
  /// learn from, rotated.
  private func rotate(
    _ rows: inout [Float], model: inout Model, progress: (TrainingStep) -> Bool
  ) throws(TrainingError) {
    guard rows.count >= dimension << nbits else {
      throw .tooFewVectors(have: rows.count / dimension, centroids: 1 << nbits, quantizer: "codebook 0")
    }
    let rotation = try Rotation(of: rows.span, dimension: dimension, m: m, threads: threads) {
      () throws(TrainingError) in
      guard progress(.rotation) else { throw .cancelled }
    }
    rows = rows.first((Self.vectorsPerCodebookCentroid << nbits) * dimension)
    rotation.rotate(&rows, threads: threads)
    model.coarse = model.coarse?.rotated(rotation, threads: threads)
    model.rotation = rotation
  }

  /// Adjacent subspaces whose points are read from the sample at once: their components share cache lines and pages.
  private static let mostAtOnce = 16

  /// Subspaces are independent: with as many as threads each thread gets some, else the threads share one after another.
  private func trainCodebooks(
    _ sample: [Float], model: inout Model, progress: @escaping @Sendable (TrainingStep) -> Bool
  ) throws(TrainingError) {
    let wide = m >= threads
    let kmeans = KMeans(k: 1 << nbits, iterations: codebookIterations, threads: wide ? 1 : threads, hastens: true)
    let atOnce = max(1, min(Self.mostAtOnce, m / threads))
    let (m, dimension) = (m, dimension)
    let subdimension = dimension / m
    let components = sample.count / dimension * subdimension
    // A cache line more, or all subspaces' points would begin in the same set of a cache.
    let pitch = components + 16
    typealias Results = Result<[KMeans.Result], TrainingError>
    let results = Threads.map(count: (m + atOnce - 1) / atOnce, threads: wide ? threads : 1) { group -> Results in
      Result { () throws(TrainingError) in
        let subspaces = group * atOnce..<min(m, (group + 1) * atOnce)
        let points = Self.subspaces(
          subspaces, of: sample, dimension: dimension, subdimension: subdimension, pitch: pitch)
        var results: [KMeans.Result] = []
        for (i, s) in subspaces.enumerated() {
          let part = Part(source: points, components: i * pitch..<i * pitch + components)
          results.append(
            try kmeans.train(part, dimension: subdimension, quantizer: "codebook \(s)") { _ in
              progress(.codebook(subspace: s))
            })
        }
        return results
      }
    }
    var codebooks: [Float] = []
    let rows = Double(sample.count / dimension)
    for group in results {
      for codebook in try group.get() {
        codebooks.append(contentsOf: codebook.blocks)
        model.distortion.append((codebook.history.last?.objective ?? 0) / rows)
      }
    }
    let quantizer = ProductQuantizer(dimension: dimension, m: m, nbits: nbits, codebooks: codebooks)
    model.quantizer = quantizer.ordered(residualsOf: residual ? model.coarse : nil, threads: threads)
  }

  /// The points of some subspaces, packed: `[subspace][row][subdimension]`, each subspace `pitch` floats after the one before.
  private static func subspaces(
    _ subspaces: Range<Int>, of sample: [Float], dimension: Int, subdimension: Int, pitch: Int
  ) -> [Float] {
    let rows = sample.count / dimension
    var points = [Float](repeating: 0, count: subspaces.count * pitch)
    let sample = sample.span
    var output = points.mutableSpan
    for row in 0..<rows {
      let first = row * dimension + subspaces.lowerBound * subdimension
      for i in 0..<subspaces.count {
        let part = sample.extracting(first + i * subdimension..<first + (i + 1) * subdimension)
        var to = i * pitch + row * subdimension
        for c in part.indices {
          output[to] = part[c]
          to += 1
        }
      }
    }
    return points
  }
}
