#!/usr/bin/env bash
# Runs the tests with coverage, and prints what they reach: regions of PQFormat and PQStorage, branches of the C code.
#   Tests/coverage.sh [swift test's options]
# The kernels' tests run every instruction set that the machine has. What only the tools reach counts too.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=.build/coverage
# Objects of the tools, which the tests run as processes of their own.
swift test --enable-code-coverage --scratch-path $scratch "$@" >&2
folder=$scratch/debug
profile=$folder/codecov/default.profdata
objects=("$folder/pqxPackageTests.xctest")
for tool in pq-build pq-search pq-inspect pq-data trust; do objects+=(-object "$folder/$tool"); done

report() { # a title, then llvm-cov's options
  printf '\n## %s\n' "$1"
  shift
  llvm-cov report "${objects[@]}" -instr-profile $profile --show-functions=false "$@" 2>/dev/null
}
report "Swift: regions" --show-branch-summary=false Sources/PQFormat Sources/PQStorage
report "C: branches" --show-branch-summary Sources/CPQKernels Sources/CPQSystem
