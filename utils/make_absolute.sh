#!/usr/bin/env bash
# Print a path in absolute form, with all links followed; its last part need not exist.
# Usage: utils/make_absolute.sh <path>
set -euo pipefail
if [ $# -ne 1 ]; then
  echo "usage: $0 <path>" >&2
  exit 1
fi
if ! readlink -f -- "$1"; then
  echo "$0: error: no folder '$(dirname -- "$1")'" >&2
  exit 1
fi
