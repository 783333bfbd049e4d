#!/usr/bin/env bash
# Makes the Python environment that the peers run in, outside the repository: venv.sh [FOLDER]
# Prints the path of its python. The default folder is ~/.cache/pqx-peers.
set -euo pipefail
folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/pqx-peers}
if ! "$folder/bin/python" -c 'import faiss, scann' 2> /dev/null; then
  python3 -m venv "$folder" >&2
  "$folder/bin/pip" install --quiet faiss-cpu==1.15.1 scann==1.4.2 numpy==2.4.6 >&2
fi
echo "$folder/bin/python"
