#!/usr/bin/env bash
# The choice of lists through groups beside that among all lists, one thread, on a folder of base.bvecs and query.bvecs:
#   lists.sh DATA [NLIST ...]      (default: 1024 2048 4096 8192 16384 65536 262144)
# Prints one table. Indexes of √NLIST groups are made in a temporary folder, or in the one that PQX_WORK names, and kept
# there.
set -euo pipefail
data=${1:?usage: lists.sh DATA [NLIST ...]}
shift
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${PQX_BIN:-}" ]; then
  swift build -c release --package-path "$here/.." >&2
  PQX_BIN=$(swift build -c release --package-path "$here/.." --show-bin-path)
fi
swift build -c release --package-path "$here" --product list-choice >&2
choice=$(swift build -c release --package-path "$here" --show-bin-path)/list-choice
work=${PQX_WORK:-}
if [ -z "$work" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
fi
printf '\n| nlist | nprobe | recall of lists | compared | one query a call: groups, µs | all lists, µs | a batch: groups, µs | all lists, µs |\n'
printf '|---|---|---|---|---|---|---|---|\n'
for nlist in ${*:-1024 2048 4096 8192 16384 65536 262144}; do
  groups=$(python3 -c "print(round($nlist ** .5))")
  iterations=$((nlist > 100000 ? 2 : nlist > 30000 ? 3 : nlist > 10000 ? 6 : 10))
  if [ ! -e "$work/choice-$nlist.pqx" ]; then
    "$PQX_BIN/pq-build" "$data/base.bvecs" -o "$work/choice-$nlist.pqx" --nlist "$nlist" --groups "$groups" --m 16 \
      --iterations $iterations --train-size $((nlist > 30000 ? 500000 : 100000)) --quiet
  fi
  "$choice" "$work/choice-$nlist.pqx" "$data/query.bvecs"
done
