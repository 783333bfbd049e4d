import PQKernels
import PQTestSupport
import Testing

/// Projections on axes that need not be orthogonal.
@Suite struct ProjectionTests {
  private static let sets = Kernels.available.filter(\.roundsLists)
  private static let shapes = [(1, 1), (8, 3), (17, 7), (33, 16), (64, 31), (128, 47), (100, 64), (96, 65), (200, 129)]

  private func project(_ kernels: Kernels, _ row: [Float], _ axes: Axes) -> (projection: [Float], error: Double) {
    var projection = [Float](repeating: .nan, count: axes.projected)
    var output = projection.mutableSpan
    let error = kernels.project(row.span, on: axes, into: &output)
    return (projection, error)
  }

  private func distance(_ a: [Float], _ b: [Float]) -> Double {
    zip(a, b).reduce(0) { $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1)) }.squareRoot()
  }

  private func orthonormal(_ values: inout Values, _ dimension: Int, _ rank: Int) -> [Float] {
    var rows: [[Double]] = []
    while rows.count < rank {
      var x = values.floats(dimension).map { Double($0) }
      for row in rows {
        var product = 0.0
        for i in 0..<dimension { product += x[i] * row[i] }
        for i in 0..<dimension { x[i] -= product * row[i] }
      }
      let length = x.reduce(0) { $0 + $1 * $1 }.squareRoot()
      rows.append(x.map { $0 / length })
    }
    return rows.flatMap { $0.map { Float($0) } }
  }

  /// Two vectors' projections are no farther apart than the vectors, but for the errors, whatever the axes.
  @Test(arguments: sets) func neverFartherApart(kernels: Kernels) {
    var values = Values(seed: 41)
    for (dimension, rank) in Self.shapes {
      let any = values.floats(rank * dimension)
      for (name, rows) in [
        ("orthonormal", orthonormal(&values, dimension, rank)), ("any", any), ("long", any.map { $0 * 0x1p20 }),
        ("one", (0..<rank * dimension).map { any[$0 % dimension] }), ("zero", any.map { $0 * 0 }),
      ] {
        let axes = Axes(rows: rows, mean: values.floats(dimension))
        // Of any length; the last one is an axis.
        var vectors = (0..<12).map { i in values.floats(dimension).map { $0 * (i % 2 == 0 ? 1 : 0x1p-10) } }
        vectors += [[Float](repeating: 0, count: dimension), Array(rows[..<dimension])]
        let projected = vectors.map { project(kernels, $0, axes) }
        for i in vectors.indices {
          for j in 0..<i {
            let (apart, was) = (
              distance(projected[i].projection, projected[j].projection), distance(vectors[i], vectors[j])
            )
            let error = projected[i].error + projected[j].error
            #expect(apart <= was + error, "\(kernels.name), \(name) axes, D \(dimension), rank \(rank): \(i), \(j)")
          }
        }
      }
    }
  }

  /// On as many orthonormal axes as there are components vectors keep their distances.
  @Test(arguments: sets) func asFarAsCanBe(kernels: Kernels) {
    var values = Values(seed: 42)
    for dimension in [1, 5, 16, 40, 64] {
      let mean = values.floats(dimension)
      let axes = Axes(rows: orthonormal(&values, dimension, dimension), mean: mean)
      let (x, y) = (values.floats(dimension), values.floats(dimension))
      let (a, b) = (project(kernels, x, axes), project(kernels, y, axes))
      let (before, after) = (distance(x, y), distance(a.projection, b.projection))
      #expect(abs(after - before) < 1e-2 * before, "\(kernels.name), D \(dimension): \(before), \(after)")
    }
  }

  /// Coordinates on orthonormal axes, and the length of the rest.
  @Test(arguments: sets) func coordinates(kernels: Kernels) {
    var values = Values(seed: 44)
    for (dimension, rank) in Self.shapes {
      let (mean, rows) = (values.floats(dimension), orthonormal(&values, dimension, rank))
      let axes = Axes(rows: rows, mean: mean)
      let x = values.floats(dimension)
      let (projection, error) = project(kernels, x, axes)
      let length = distance(x, mean)
      var squares = 0.0
      for axis in 0..<rank {
        let expected = (0..<dimension).reduce(0) {
          $0 + (Double(x[$1]) - Double(mean[$1])) * Double(rows[axis * dimension + $1])
        }
        squares += expected * expected
        #expect(abs(Double(projection[axis]) - expected) < 2e-5 * length, "\(kernels.name), \(axis) of \(rank) axes")
      }
      let rest = max(0, length * length - squares).squareRoot()
      #expect(
        rest < 0.1 * length || abs(Double(projection[rank]) - rest) < 1e-3 * length, "\(kernels.name), \(rank) axes")
      #expect(error < 0.05 * length)
    }
  }

  @Test(arguments: sets) func setsGiveTheSameBits(kernels: Kernels) throws {
    var values = Values(seed: 43)
    let other = try #require(Self.sets.last)
    for (dimension, rank) in Self.shapes {
      let axes = Axes(rows: values.floats(rank * dimension), mean: values.floats(dimension))
      let row = values.floats(dimension)
      let (mine, expected) = (project(kernels, row, axes), project(other, row, axes))
      #expect(
        mine.projection.map(\.bitPattern) == expected.projection.map(\.bitPattern) && mine.error == expected.error)
    }
  }

  /// What overflows is far from everything.
  @Test(arguments: sets) func extremeVectors(kernels: Kernels) {
    let axes = Axes(rows: [1, 0, 0, 0, 1, 0], mean: [0, 0, 0])
    for row in [[3e38, 0, 0], [0, 0, 3e38], [-3e38, 3e38, 1], [1e30, 1e30, 1e30]] as [[Float]] {
      let (projection, error) = project(kernels, row, axes)
      #expect(projection.contains { !($0.magnitude < 1e15) }, "\(kernels.name): \(projection)")
      #expect(error > 1e20)
    }
  }
}
