#!/usr/bin/env bash
# Runs the tests with coverage, and prints which regions of PQFormat and PQStorage they reach, and which regions and
# branches of the C code: the fastest kernels in all tests, the others in those of searching and of kernels.
#   Tests/coverage.sh [swift test's options]     (with EMULATE=1 the AVX-512 kernels too, as Tests/emulate.sh has them)
# What only the tools reach counts too. Kernels that this machine cannot run do not count.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=.build/coverage
sets=(avx2 scalar)
emulation=()
if [ -n "${EMULATE:-}" ]; then
  scratch=.build/coverage512
  sets+=(avx512 avx2clmul)
  emulation=(-Xcc -DCPQ_EMULATE_512)
fi
folder=$scratch/debug
profiles=$PWD/$scratch/profiles
rm -rf "$profiles"
# Atomic: threads that count together lose counts, and a branch that never ran may seem to have.
swift build --build-tests --enable-code-coverage --scratch-path $scratch -Xcc -fprofile-instr-generate \
  -Xcc -fcoverage-mapping -Xcc -fprofile-update=atomic "${emulation[@]}" >&2
# Not with --enable-code-coverage: merging would stop at profiles of processes that a test has killed.
run() {
  local set=$1
  shift
  LLVM_PROFILE_FILE=$profiles/$set-%p.profraw swift test --skip-build --scratch-path $scratch "$@" >&2
}
run best "$@"
for set in "${sets[@]}"; do PQX_KERNELS=$set run $set --filter 'PQIndexTests|PQSearchTests|PQModelTests'; done
# The compiler's own: another version cannot read its files. Profiles of killed processes are cut.
tools=$(dirname "$(readlink -f "$(command -v swift)")")
profile=$scratch/all.profdata
find "$profiles" -name '*.profraw' >"$scratch/inputs"
"$tools/llvm-profdata" merge -sparse --failure-mode=all -f "$scratch/inputs" -o "$profile" 2>/dev/null
objects=("$folder/pqxPackageTests.xctest")
# Objects of the tools, which the tests run as processes of their own.
for tool in pq-build pq-search pq-inspect pq-data trust; do objects+=(-object "$folder/$tool"); done
# Of C each file by itself: templates are compiled for sets that this machine cannot run, too.
c_objects=()
for object in "$folder"/CPQ{Kernels,System}.build/*.o; do
  case $object in
  */neon.c.o) continue ;;
  */crc32c_wide*) [ -z "${EMULATE:-}" ] && grep -qw avx512_vnni /proc/cpuinfo || continue ;;
  */avx512*) [ -n "${EMULATE:-}" ] || grep -qw avx512_vnni /proc/cpuinfo || continue ;;
  esac
  c_objects+=(-object "$object")
done

report() { "$tools/llvm-cov" report "$@" -instr-profile "$profile"; }
report "${objects[@]}" Sources/PQFormat Sources/PQStorage
report -show-branch-summary "${c_objects[@]:1}"
