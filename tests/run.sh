#!/usr/bin/env bash
# Runs the tests, making the environment first if there is none; words go to pytest:
#
#   tests/run.sh                  # all of them: some minutes on two cores
#   tests/run.sh -m "not slow"    # without runs of whole recipes and the like: under a minute
#   tests/run.sh -k fbank         # those whose name has this in it
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/activate.sh

exec python -m pytest "$@"
