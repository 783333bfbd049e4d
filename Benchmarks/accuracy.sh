#!/usr/bin/env bash
# Recall, file size and build memory on a folder of base, learn, query (.bvecs) and groundtruth.ivecs (100 a query):
#   accuracy.sh DATA [article|faiss|rotation|nbits|metrics ...]      (default: all; nbits 16 alone takes half an hour)
# Each section prints one table. Files are made in a temporary folder and removed.
set -euo pipefail
data=${1:?usage: accuracy.sh DATA [SECTION ...]}
shift
sections=${*:-article faiss rotation nbits metrics}
here=$(cd "$(dirname "$0")" && pwd)
swift build -c release --package-path "$here/.." >&2
bin=$(swift build -c release --package-path "$here/.." --show-bin-path)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
now() { python3 -c "import json,sys; d=json.load(open(sys.argv[1])); print(eval(sys.argv[2]))" "$@"; }

# build NAME FLAGS…: makes $work/NAME.pqx and $work/NAME.build, the report.
build() {
  local name=$1
  shift
  "$bin/pq-build" "$data/base.bvecs" -o "$work/$name.pqx" --force --quiet --json "$@" > "$work/$name.build"
}

# row NAME K NPROBES FLAGS…: recall, file, memory of the built NAME; one line for each nprobe.
row() {
  local name=$1 k=$2 nprobe=$3
  shift 3
  "$bin/pq-search" "$work/$name.pqx" "$data/query.bvecs" -k "$k" ${nprobe:+--nprobe "$nprobe"} --threads 2 \
    --groundtruth "$data/groundtruth.ivecs" --json "$@" > "$work/$name.search"
  python3 - "$name" "$work/$name.build" "$work/$name.search" <<'PY'
import json, sys
name, build, search = sys.argv[1], json.load(open(sys.argv[2])), json.load(open(sys.argv[3]))
for p in search["points"]:
    print(f"{name:22} {p['nprobe']:6} {p['recall_at_k']:9.4f} {build['file_bytes'] / 1e6:9.2f} "
          f"{build['bytes_per_vector']:8.2f} {build['peak_rss_bytes'] / 1e6:9.0f} {build['seconds']:8.1f}")
PY
}

header() { printf '\n%s\n%-22s %6s %9s %9s %8s %9s %8s\n' "$1" index nprobe "recall@$2" "file MB" "B/vec" "RSS MB" "build s"; }

for section in $sections; do
  case $section in
  article)
    header "The article's table: m = 8, nbits = 8, nlist = 2048, k = 100, trained on a sample of base" 100
    build Flat --index flat
    row Flat 100 ""
    build PQ8x8 --index pq --m 8
    row PQ8x8 100 ""
    build IVF2048,PQ8x8 --nlist 2048 --m 8
    row IVF2048,PQ8x8 100 1,2,48,2048
    rm -f "$work"/*.pqx
    ;;
  faiss)
    header "IVF1024, PQ16x8, k = 10, trained on the learn vectors, beside Faiss in the same run" 10
    build IVF1024,PQ16x8 --nlist 1024 --m 16 --train-input "$data/learn.bvecs" --train-size 100000
    row IVF1024,PQ16x8 10 1,4,16,64
    python=$("$here/compare/venv.sh")
    "$python" "$here/compare/faiss_ivfpq.py" "$data" --nlist 1024 --m 16 > "$work/faiss"
    python3 - "$work/faiss" "$work/IVF1024,PQ16x8.search" <<'PY'
import json, sys
faiss, ours = (json.load(open(p)) for p in sys.argv[1:])
for f, p in zip(faiss["points"], ours["points"]):
    print(f"{'Faiss IVF1024,PQ16':22} {f['nprobe']:6} {f['recall_at_k']:9.4f} {'':9} {faiss['bytes_per_vector']:8.2f}"
          f"   pqx minus Faiss {p['recall_at_k'] - f['recall_at_k']:+.4f}")
PY
    ;;
  rotation)
    header "IVF1024, codes of 128 and 256 bits, without a rotation and with one (R), k = 10, trained on the learn vectors" 10
    for codes in 16x8 32x4 32x8 64x4; do
      for rotation in "" R; do
        build "IVF1024,${rotation}PQ$codes" --nlist 1024 --m "${codes%x*}" --nbits "${codes#*x}" ${rotation:+--rotate} \
          --train-input "$data/learn.bvecs" --train-size 100000
        row "IVF1024,${rotation}PQ$codes" 10 64
      done
    done
    rm -f "$work"/*.pqx
    ;;
  nbits)
    header "PQ and IVF-PQ at every width: m = 8, nlist = 256, k = 10, trained on the learn vectors" 10
    for nbits in 4 6 8 11 12 16; do
      # 16 bits: one iteration over 65,536 centroids of each subspace costs as much as all the other widths together.
      extra=(--train-input "$data/learn.bvecs")
      [ "$nbits" = 16 ] && extra+=(--iterations 4)
      build "PQ8x$nbits" --index pq --m 8 --nbits "$nbits" "${extra[@]}"
      row "PQ8x$nbits" 10 ""
      build "IVF256,PQ8x$nbits" --nlist 256 --m 8 --nbits "$nbits" "${extra[@]}"
      row "IVF256,PQ8x$nbits" 10 16
    done
    ;;
  metrics)
    printf '\nAgreement with an exact scan under the same metric: k = 10, nprobe = nlist, overlap\n'
    for metric in ip cosine; do
      "$bin/pq-data" groundtruth "$data/base.bvecs" "$data/query.bvecs" -k 10 --metric "$metric" \
        -o "$work/$metric.ivecs" --force 2> /dev/null
      for flags in "--index flat" "--nlist 256 --m 128 --nbits 8" \
        "--nlist 256 --m 128 --nbits 12 --iterations 4" \
        "--nlist 256 --m 16 --vectors f32 RERANK"; do
        rerank=0
        limit=1000
        case $flags in *"nbits 12"*) limit=200 ;; esac  # 2 MiB of tables a list make each query slow
        case $flags in *RERANK) rerank=1000 flags=${flags% RERANK} ;; esac
        case $flags in *flat) learn=() ;; *) learn=(--train-input "$data/learn.bvecs") ;; esac
        # shellcheck disable=SC2086  # the flags are words
        build m $flags --metric "$metric" "${learn[@]}"
        "$bin/pq-search" "$work/m.pqx" "$data/query.bvecs" -k 10 --nprobe 256 --rerank "$rerank" --threads 2 --limit "$limit" \
          --groundtruth "$work/$metric.ivecs" --json > "$work/m.search"
        printf '%-8s %-42s rerank %4d  overlap %s\n' "$metric" "$flags" "$rerank" \
          "$(now "$work/m.search" "'%.4f' % d['points'][0]['recall_at_k']")"
      done
    done
    ;;
  *) echo "no section $section" >&2; exit 64 ;;
  esac
done
