import PQKernels

/// What the sum of a vector's quantized entries says of its key, for one query and one list or frame:
/// lower + step · sum ≤ key ≤ lower + step · sum · (1 + 2^-18) + gap. Rounding of every f32 operation is allowed for.
struct CodeBound: Sendable {
  let lower: Double
  private let step: Double
  private let gap: Double
  /// What a bracket counts in the sum, in units of 1/256.
  let bracketScale: UInt16

  /// Of tables whose entries are those of the canonical sum, f32 additions of m entries to `base`.
  init(_ range: TableRange, base: Float, m: Int) {
    // Each of at most m additions rounds to 2^-24 of a partial sum, which no sum of magnitudes falls below; doubled.
    let rounding = Double(m + 2) * 0x1p-23 * (abs(Double(base)) + range.magnitude)
    // A partial sum that overflows stays infinite, whatever is added to it: then nothing is known.
    let staysFinite = abs(Double(base)) + range.magnitude < 0x1p127  // NaN does not
    lower = staysFinite ? Double(base) + range.minimum - rounding : -.infinity
    step = Double(range.step)
    gap = range.step > 0 && staysFinite ? step * Double(m) * (1 + 0x1p-18) + 2 * rounding : .infinity
    bracketScale = 0
  }

  /// Of the tables −2⟨q − μ, r̂⟩ of a query and one frame's brackets (Formats/pqx-v1.md, "Brackets"):
  /// ‖q − c − r̂‖² = ‖q − c‖² + bracket − 2⟨q − μ, r̂⟩.
  /// - Parameters:
  ///   - score: ‖q − c‖².
  ///   - minimum: what a bracket of 0 stands for; `bracketStep`: what one unit adds to it.
  ///   - rounding: the largest error of all f32 operations in both forms of the distance.
  init(
    _ range: TableRange, score: Float, minimum: Float, bracketStep: Float, m: Int, rounding: Double
  ) {
    // The least f32 bounds nothing (Formats/pqx-v1.md, "Brackets").
    let bracket = minimum > -.greatestFiniteMagnitude ? Double(minimum) : -.infinity
    lower = Double(score) + bracket + range.minimum - rounding
    step = Double(range.step)
    let scale = range.step > 0 ? Double(bracketStep) / step * 256 : 0
    bracketScale = UInt16(min(scale, 65535))  // rounds down
    // Two floors of the scaled bracket lose less than a unit each, the bracket's own less than one of its steps.
    gap =
      range.step > 0 && scale <= 65535
      ? step * Double(m + 2) * (1 + 0x1p-18) + Double(bracketStep) + 2 * rounding : .infinity
  }

  /// Whether sums bound keys from above, too; not where the tables are flat, or a bracket's step is many of theirs.
  var isClosed: Bool { gap < .infinity }

  /// The largest sum that a vector with a key of at most `key` may have; nil: there is no such vector.
  func threshold(_ key: Float) -> UInt16? {
    let room = Double(key) - lower
    if room < 0 { return nil }
    guard key < .infinity, room < .infinity, step > 0 else { return .max }  // NaN too
    // The quotient rounds, and entries did as they were quantized, by less than 2^-21; 2^-20 is more than both.
    return UInt16(min(room / step * (1 + 0x1p-20), 65535))  // rounds down
  }

  /// In whole steps, how far the lower end is above `lowest`, rounded down; nil where it is not, or there are no steps.
  func offset(above lowest: Double) -> UInt16? {
    guard step > 0, lower >= lowest else { return nil }
    return UInt16(min((lower - lowest) / step * (1 - 0x1p-20), 65535))
  }

  /// The bounds in f32, for many vectors at once: floor + step · sum ≤ key ≤ floor + step · sum + gap, but for a sum of
  /// 65,535, which stands for all greater ones. Where f32 does not reach, nothing is known above the floor.
  var inFloats: (floor: Float, step: Float, gap: Float) {
    let reach = abs(lower) + step * 65535
    guard reach < 0x1p125 else { return (-.infinity, 0, .infinity) }  // NaN too
    // The product of step and sum rounds, and the floor added to it: 2^-23 together; quantized entries did: 5 · 2^-24.
    let rounding = 0x1p-21 * reach
    return (Float(lower - rounding).nextDown, Float(step), Float(gap + 3 * rounding).nextUp)
  }

  /// A key that no vector of this sum exceeds; infinite where nothing is known.
  func upper(_ sum: UInt16) -> Float {
    guard sum < .max, gap < .infinity, lower.isFinite else { return .infinity }
    return Float(lower + step * Double(sum) * (1 + 0x1p-18) + gap).nextUp
  }
}

/// What the sum of a vector's entries in the tables of ⟨q − μ, r̂⟩, and its bracket, say of its key, for one query and one
/// frame (Formats/pqx-v1.md, "Brackets"): with the estimate base − 2 · sum + step · bracket in f32,
/// estimate − below ≤ key ≤ estimate − below + gap.
///
/// The bounds are as far apart as a step of the brackets and f32 rounding make them; those of ``CodeBound`` as a step of its
/// quantized tables for each subspace, too.
struct EstimateBound {
  let base: Float
  let step: Float
  let below: Float
  let gap: Float

  /// Nil where nothing is known.
  /// - Parameters:
  ///   - score: ‖q − c‖².
  ///   - minimum: what a bracket of 0 stands for; `step`: what one unit adds to it.
  ///   - product: what no ⟨q − μ, r̂⟩ exceeds.
  ///   - rounding: as of ``CodeBound``. The m roundings of the sum of entries, which it does not count, are fewer.
  init?(score: Float, minimum: Float, step: Float, product: Double, rounding: Double) {
    let exact = Double(score) + Double(minimum)
    let reach = abs(exact) + 256 * Double(step) + 2 * product + rounding
    // The least f32 bounds nothing (Formats/pqx-v1.md, "Brackets").
    guard minimum > -.greatestFiniteMagnitude, reach < 0x1p125 else { return nil }  // NaN too
    // Six roundings make base, estimate and floor, and one their sum with the gap; there is room for more.
    let error = 2 * rounding + 0x1p-21 * reach
    base = Float(exact)
    self.step = step
    below = Float(error).nextUp
    gap = Float(2 * error + Double(step)).nextUp
  }
}
