#!/usr/bin/env bash
# Read all features of a dump and check them against its tables: offsets, sizes, frames and values.
# Usage: utils/check_dump.sh <dump>
set -euo pipefail
# shellcheck source=tools/activate.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../tools/activate.sh"
exec asda dump check "$@"
