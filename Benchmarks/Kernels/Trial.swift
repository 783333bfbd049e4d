import CKernelTrials

/// A kernel of one instruction set on seeded input; see kernel_trials.h.
@safe final class Trial {
  // Owned from init to deinit.
  private let trial: OpaquePointer

  static let setCount = trial_sets()

  static func setName(_ set: Int) -> String {
    // A constant of the program.
    unsafe String(cString: trial_set_name(set))
  }

  private init(_ made: OpaquePointer?) {
    guard let made = unsafe made else { fatalError("no memory for the input of a benchmark") }
    unsafe trial = made
  }

  static func scan(
    _ set: Int, nbits: UInt32, m: Int, bracket: Bool = false, near: Bool = false, vectors: Int
  ) -> Trial {
    unsafe Trial(trial_scan(set, nbits, m, bracket, near, vectors))
  }

  /// - Parameter type: 1 f32, 2 f16, 3 u8.
  static func rows(_ set: Int, type: Int32, dimension: Int, count: Int) -> Trial {
    unsafe Trial(trial_rows(set, type, dimension, count))
  }

  static func blocks(_ set: Int, dimension: Int, count: Int) -> Trial {
    unsafe Trial(trial_blocks(set, dimension, count))
  }

  static func crc(_ set: Int, bytes: Int) -> Trial { unsafe Trial(trial_crc(set, bytes)) }

  deinit { unsafe trial_free(trial) }

  func run() -> UInt64 { unsafe trial_run(trial) }
  /// Whether the answer is the scalar set's, bit for bit.
  var isRight: Bool { unsafe trial_is_right(trial) }
}
