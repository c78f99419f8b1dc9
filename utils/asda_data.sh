#!/usr/bin/env bash
# Run `asda data ...`, with the installed asda or else from this checkout.
# Usage: utils/asda_data.sh <verb> [options]
set -euo pipefail
if command -v asda >/dev/null; then
  exec asda data "$@"
fi
utils=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
python=${utils%/utils}/tools/venv/bin/python
[ -x "$python" ] || python=python3
PYTHONPATH=${utils%/utils}${PYTHONPATH:+:$PYTHONPATH} exec "$python" -m asda data "$@"
