#!/usr/bin/env bash
# pqx beside Faiss and ScaNN, in turn in one run, on a folder of vectors; see `compare.sh --help` and Benchmarks/README.md.
#   compare.sh DATA -o OUT [--work FOLDER] [SECTION …]
# Builds pqx in release; PQX_BIN names a folder of built tools instead, PQX_PYTHON a python that has the peers.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
if [ -z "${PQX_BIN:-}" ]; then
  swift build -c release --package-path "$root" >&2
  PQX_BIN=$(swift build -c release --package-path "$root" --show-bin-path)
fi
python=${PQX_PYTHON:-$("$here/venv.sh")}
# One thread for the peers' linear algebra while they search; what chooses a slower kernel for it is unset.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
export PQX_BIN OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=3
exec "$python" "$here/compare.py" "$@"
