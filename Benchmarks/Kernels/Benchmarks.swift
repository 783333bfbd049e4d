import Benchmark

/// Each kernel of every instruction set of this machine; a case whose answer is not the scalar set's fails.
let benchmarks: @Sendable () -> Void = {
  // Nothing runs yet, so no other thread reads it.
  unsafe Benchmark.defaultConfiguration = .init(
    metrics: [.wallClock, .throughput], warmupIterations: 3, maxDuration: .milliseconds(500), maxIterations: 100_000)

  /// Times one pass over the input.
  func add(_ name: String, _ set: Int, _ make: @escaping @Sendable (Int) -> Trial) {
    Benchmark("\(name), \(Trial.setName(set))") { benchmark in
      let trial = make(set)
      guard trial.isRight else { return benchmark.error("the answer is not the scalar set's") }
      benchmark.startMeasurement()
      blackHole(trial.run())
      benchmark.stopMeasurement()
    }
  }

  for set in 0..<Trial.setCount {
    // 32,768 vectors: codes that fit the L2 cache.
    add("scan 8-bit m 16", set) { .scan($0, nbits: 8, m: 16, vectors: 32768) }
    add("scan 8-bit m 16 with brackets", set) { .scan($0, nbits: 8, m: 16, bracket: true, vectors: 32768) }
    add("scan 8-bit m 16 with near codewords", set) { .scan($0, nbits: 8, m: 16, near: true, vectors: 32768) }
    add("scan 12-bit m 8 with near codewords", set) { .scan($0, nbits: 12, m: 8, near: true, vectors: 32768) }
    add("scan 4-bit m 32", set) { .scan($0, nbits: 4, m: 32, vectors: 32768) }
    add("scan 12-bit m 8", set) { .scan($0, nbits: 12, m: 8, vectors: 32768) }
    for (type, name) in [(Int32(1), "f32"), (2, "f16"), (3, "u8")] {
      add("L2 of 1,024 rows \(name) × 128", set) { .rows($0, type: type, dimension: 128, count: 1024) }
    }
    add("L2 of 1,024 centroids × 128", set) { .blocks($0, dimension: 128, count: 1024) }
    add("CRC-32C of 64 KiB", set) { .crc($0, bytes: 65536) }
  }
}
