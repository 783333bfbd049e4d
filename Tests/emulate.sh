#!/usr/bin/env bash
# Runs tests with the AVX-512 kernels where a machine has none: Tests/emulate.sh [swift test's options]
# (default: --filter 'PQKernelsTests|PQIndexTests|PQSearchTests')
# All their instructions but those of checksums are emulated by AVX2 (emulate512.h). They are the fastest sets then: with
# VBMI where the machine has VPCLMULQDQ, else without.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! grep -qw avx2 /proc/cpuinfo; then
  echo "$0: this machine has no AVX2 to emulate by" >&2
  exit 1
fi
if [ $# = 0 ]; then set -- --filter 'PQKernelsTests|PQIndexTests|PQSearchTests'; fi
exec swift test --scratch-path .build/emulate -Xcc -DCPQ_EMULATE_512 "$@"
