#!/usr/bin/env bash
# Speed of training and encoding beside Faiss, one thread each, on a folder of base.bvecs and learn.bvecs:
#   build.sh DATA [train|pq|wide|lists ...]      (default: all)
# Each section prints one table. Files are made in a temporary folder, or in the one that PQX_WORK names, and kept there.
set -euo pipefail
data=${1:?usage: build.sh DATA [SECTION ...]}
shift
sections=${*:-train pq wide lists}
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${PQX_BIN:-}" ]; then
  swift build -c release --package-path "$here/.." >&2
  PQX_BIN=$(swift build -c release --package-path "$here/.." --show-bin-path)
fi
python=${PQX_PYTHON:-$("$here/compare/venv.sh")}
work=${PQX_WORK:-}
if [ -z "$work" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
fi
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
export OMP_NUM_THREADS=1

# build NAME INPUT FLAGS…: makes $work/NAME.pqx and the report $work/NAME.json.
build() {
  local name=$1 input=$2
  shift 2
  "$PQX_BIN/pq-build" "$input" -o "$work/$name.pqx" --force --quiet --json "$@" > "$work/$name.json"
}

# generate NAME COUNT DIM FLAGS…: makes $work/NAME once.
generate() {
  local name=$1 count=$2 dim=$3
  shift 3
  [ -e "$work/$name" ] || "$PQX_BIN/pq-data" generate --count "$count" --dim "$dim" "$@" -o "$work/$name" 2> /dev/null
}

table() { "$python" "$here/compare/build_table.py" "$@"; }

for section in $sections; do
  case $section in
  train)
    printf '\nIVF1024,PQ16x8: trained on the learn vectors, then base encoded into it\n'
    for threads in 1 2; do
      build "ivf-$threads" "$data/base.bvecs" --nlist 1024 --m 16 --train-input "$data/learn.bvecs" --train-size 100000 \
        --threads "$threads"
    done
    table train "$data" "$work"
    ;;
  pq)
    printf '\nPQ8x8: trained on a sample of base, then base encoded\n'
    build pq8 "$data/base.bvecs" --index pq --m 8 --threads 1
    table pq "$data/base.bvecs" "$work/pq8.json" 8
    ;;
  wide)
    printf '\nPQ98x8: trained on 65,536 generated vectors of 784 components, then 70,000 encoded\n'
    generate wide.fvecs 70000 784
    build pq98 "$work/wide.fvecs" --index pq --m 98 --threads 1
    table pq "$work/wide.fvecs" "$work/pq98.json" 98
    ;;
  lists)
    printf '\nnlist 65,536 on 1,000,000 generated vectors of 96 components, 2 threads, k = 10\n'
    generate lists.fbin 1000000 96 --format fbin
    generate lists-query.fvecs 1001000 96 --rows 1000000:1001000
    [ -e "$work/lists.ivecs" ] || "$PQX_BIN/pq-data" groundtruth "$work/lists.fbin" "$work/lists-query.fvecs" -k 10 \
      -o "$work/lists.ivecs" 2> /dev/null
    for groups in 256 0; do
      build "lists-$groups" "$work/lists.fbin" --nlist 65536 --groups "$groups" --m 12 --train-size 400000 \
        --iterations 3 --threads 2 --memory 4GiB
      "$PQX_BIN/pq-search" "$work/lists-$groups.pqx" "$work/lists-query.fvecs" -k 10 --nprobe 8,64,256 --threads 2 \
        --groundtruth "$work/lists.ivecs" --json > "$work/lists-$groups.search"
    done
    table lists "$work"
    ;;
  *) echo "no section $section" >&2; exit 64 ;;
  esac
done
