#!/usr/bin/env bash
# Runs the tests, making the environment first if there is none; words go to pytest:
#
#   tests/run.sh                       # all of them: some minutes on two cores
#   tests/run.sh -n 2 -m "not slow"    # by two processes, without whole runs: under a minute
#   tests/run.sh -k fbank              # those whose name has this in it
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/activate.sh

# A second thread of torch has nothing to do in models as small as those of tests.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
exec python -m pytest "$@"
