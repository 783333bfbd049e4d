#!/usr/bin/env bash
# Runs the tests with coverage, and prints which regions of PQFormat and PQStorage they reach, and which regions and
# branches of the C code: the fastest kernels in all tests, the others in those of searching.
#   Tests/coverage.sh [swift test's options]
# What only the tools reach counts too. Kernels for AVX-512 do not count.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=.build/coverage
flags=(--enable-code-coverage --scratch-path $scratch -Xcc -fprofile-instr-generate -Xcc -fcoverage-mapping)
folder=$scratch/debug
profiles=$scratch/profiles
rm -rf "$profiles"
swift build --build-tests "${flags[@]}" >&2
# Each run begins by removing what the one before has written.
keep() { mkdir -p "$profiles/$1" && mv "$folder"/codecov/*.profraw "$profiles/$1"; }
swift test --skip-build "${flags[@]}" "$@" >&2
keep best
for set in avx2 scalar; do
  PQX_KERNELS=$set swift test --skip-build "${flags[@]}" --filter 'PQIndexTests|PQSearchTests|PQModelTests' >&2
  keep $set
done
# The compiler's own: another version cannot read its files. Profiles of processes that a test killed are cut.
tools=$(dirname "$(readlink -f "$(command -v swift)")")
profile=$scratch/all.profdata
find "$profiles" -name '*.profraw' >"$scratch/inputs"
"$tools/llvm-profdata" merge -sparse --failure-mode=all -f "$scratch/inputs" -o "$profile" 2>/dev/null
objects=("$folder/pqxPackageTests.xctest")
# Objects of the tools, which the tests run as processes of their own.
for tool in pq-build pq-search pq-inspect pq-data trust; do objects+=(-object "$folder/$tool"); done

report() { "$tools/llvm-cov" report "${objects[@]}" -instr-profile "$profile" "$@"; }
report Sources/PQFormat Sources/PQStorage
report -show-branch-summary -ignore-filename-regex='avx512|x86_512|crc32c_wide' Sources/CPQKernels Sources/CPQSystem
