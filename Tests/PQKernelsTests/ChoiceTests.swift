#if arch(x86_64)
  import CPQKernels
  import PQKernels
  import Testing

  /// Which sets a CPU gets, for every combination of what the choice asks.
  @Suite struct ChoiceTests {
    private func sets(_ features: UInt32) -> [String] {
      var sets = unsafe [UnsafePointer<cpq_kernels>?](repeating: nil, count: Int(CPQ_MOST_SETS))
      // The tables are constants of the program, with names.
      let count = unsafe cpq_kernels_for(features, &sets)
      return (0..<count).map { unsafe sets[$0]?.pointee.name.map { unsafe String(cString: $0) } ?? "none" }
    }

    @Test func everyCombinationOfFeatures() {
      let avx2: [UInt32] = [CPQ_AVX2, CPQ_FMA, CPQ_F16C, CPQ_SSE42, CPQ_PCLMUL].map { UInt32($0) }
      let avx512 = [CPQ_AVX512F, CPQ_AVX512BW, CPQ_AVX512VL, CPQ_AVX512DQ, CPQ_AVX512VNNI].map { UInt32($0) }
      let (clmul, vbmi) = (UInt32(CPQ_VPCLMULQDQ), UInt32(CPQ_AVX512VBMI))
      let all = (avx2 + avx512 + [clmul, vbmi]).reduce(0, |)
      #expect(all == 1 << 12 - 1)
      for features in 0...all {
        func has(_ bits: [UInt32]) -> Bool { bits.allSatisfy { features & $0 != 0 } }
        var expected: [String] = []
        if has(avx2 + avx512 + [vbmi, clmul]) { expected.append("avx512vbmi") }
        if has(avx2 + avx512) { expected.append("avx512") }
        if has(avx2 + [clmul]) { expected.append("avx2clmul") }
        if has(avx2) { expected.append("avx2") }
        #expect(sets(features) == expected + ["scalar"], "features \(String(features, radix: 2))")
      }
    }

    /// What this machine has is one of the choices.
    @Test func availableIsAChoice() {
      #expect((0..<(1 << 12)).contains { sets($0) == Kernels.available.map(\.name) })
    }
  }
#endif
