#!/usr/bin/env bash
# Runs all tests, making the environment first if there is none; words go to pytest:
#
#   tests/run.sh -k fbank
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/activate.sh

exec python -m pytest "$@"
