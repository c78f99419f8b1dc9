#!/usr/bin/env bash
# Runs the check of X-ARES and its task ESC-50, on the clips of ESC-10: 300 MB.
set -euo pipefail
cd "$(dirname "$0")"
. ../../tools/activate.sh
# shellcheck source=tests/environments/environment.sh
. ./environment.sh

make_environment xares xares==0.1.3
run_tests xares tests/benchmarks/test_xares.py "$@"
