#!/usr/bin/env bash
# Reads all features of a dump and compares them with its tables: offsets, sizes, frames, values.
# Usage: utils/check_dump.sh <dump>
set -euo pipefail
# shellcheck source=tools/activate.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tools/activate.sh"
exec asda dump check "$@"
