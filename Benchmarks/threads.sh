#!/usr/bin/env bash
# How builds and searches gain from threads:
#   threads.sh [THREADS ...]      (default: 1 2 4 ... as many as this machine has)
# Prints one table for each set of kernels in KERNELS (default: the machine's best), and the sha256 of each index and of
# the ids found, which are the same for any number of threads and any set. ROWS (1,000,000) vectors of DIM (128)
# components in NLIST (1,024) lists, with M (16) codes of NBITS (8) each, rotated if ROTATE is 1, and the vectors as f32 to
# re-rank, are made in a folder under WORK (default: TMPDIR or /tmp), which is removed. PQX_BIN names a folder of built tools.
set -euo pipefail
: "${ROWS:=1000000}" "${DIM:=128}" "${NLIST:=1024}" "${M:=16}" "${NBITS:=8}" "${QUERIES:=20000}" "${KERNELS:=best}"
: "${ROTATE:=0}"
here=$(cd "$(dirname "$0")" && pwd)
bin=${PQX_BIN:-}
if [ -z "$bin" ]; then
  swift build -c release --package-path "$here/.." >&2
  bin=$(swift build -c release --package-path "$here/.." --show-bin-path)
fi
if [ $# = 0 ]; then
  for ((n = 1; n <= $(nproc); n *= 2)); do set -- "$@" $n; done
fi
work=$(mktemp -d "${WORK:-${TMPDIR:-/tmp}}/pqx-threads-XXXXXX")
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"

field() { python3 -c "import json,sys; r=json.load(open(sys.argv[1])); print(eval(sys.argv[2]))" "$@"; }
digest() { sha256sum "$1" | cut -c1-12; }
ratio() { python3 -c "import sys; print('%.2f' % (float(sys.argv[1]) / float(sys.argv[2])))" "$@"; }
seconds() { field report "sum(s['seconds'] for s in r['stages'] if s['name'] == '$1')"; }

qps() { # THREADS NPROBE RERANK: queries a second, the median of five passes
  "$bin/pq-search" index.pqx query.fbin -k 10 --nprobe "$2" --rerank "$3" --threads "$1" --repeat 5 -o "ids$2.ivecs" \
    --force --json > found
  field found "r['points'][0]['qps']"
}

"$bin/pq-data" generate --count "$ROWS" --dim "$DIM" -o base.fbin >&2
"$bin/pq-data" generate --count $((ROWS + QUERIES)) --dim "$DIM" --rows "$ROWS:$((ROWS + QUERIES))" -o query.fbin >&2
printf '# %s, %s processors\n' "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)" "$(nproc)"
rotate=()
if [ "$ROTATE" = 1 ]; then rotate=(--rotate); fi
printf '%s × %s f32, nlist %s, m %s, nbits %s%s; %s queries in one call, k 10\n' "$ROWS" "$DIM" "$NLIST" "$M" \
  "$NBITS" "${rotate:+, rotated}" "$QUERIES"
for set in $KERNELS; do
  unset PQX_KERNELS
  if [ "$set" != best ]; then export PQX_KERNELS=$set; fi
  declare -A first=()
  printf '\nkernels: %s\n\n' "$set"
  printf '| threads | train s | × | encode s | × | QPS nprobe 16 | × | nprobe 64, re-rank 100 | × | index | ids |\n'
  printf '|---|---|---|---|---|---|---|---|---|---|---|\n'
  for threads in "$@"; do
    "$bin/pq-build" base.fbin -o index.pqx --nlist "$NLIST" --m "$M" --nbits "$NBITS" --vectors f32 "${rotate[@]}" \
      --threads "$threads" --force --quiet --json > report
    train=$(seconds train) encode=$(seconds encode)
    few=$(qps "$threads" 16 0) many=$(qps "$threads" 64 100)
    : "${first[train]:=$train}" "${first[encode]:=$encode}" "${first[few]:=$few}" "${first[many]:=$many}"
    printf '| %s | %.1f | %s | %.2f | %s | %.0f | %s | %.0f | %s | %s | %s %s |\n' "$threads" \
      "$train" "$(ratio "${first[train]}" "$train")" "$encode" "$(ratio "${first[encode]}" "$encode")" \
      "$few" "$(ratio "$few" "${first[few]}")" "$many" "$(ratio "$many" "${first[many]}")" \
      "$(digest index.pqx)" "$(digest ids16.ivecs)" "$(digest ids64.ivecs)"
  done
done
