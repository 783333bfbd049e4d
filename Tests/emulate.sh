#!/usr/bin/env bash
# Runs tests with the AVX-512 kernels where a machine has none: Tests/emulate.sh [swift test's options]
# (default: --filter 'PQKernelsTests|PQIndexTests|PQSearchTests')
# Their instructions are emulated by AVX2 (emulate512.h); the machine must have AVX2 and VPCLMULQDQ. All but the CRC's.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ $# = 0 ]; then set -- --filter 'PQKernelsTests|PQIndexTests|PQSearchTests'; fi
exec swift test --scratch-path .build/emulate -Xcc "-DCPQ_EMULATE_512=\"$PWD/Tests/emulate512.h\"" "$@"
