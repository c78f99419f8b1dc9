#!/usr/bin/env bash
# Runs the mock tasks of MTEB that have audio: 750 MB. This torchcodec is the one for torch 2.11; it
# also needs the libraries of ffmpeg (on Debian and Ubuntu: apt-get install ffmpeg).
set -euo pipefail
cd "$(dirname "$0")"
. ../../tools/activate.sh
# shellcheck source=tests/environments/environment.sh
. ./environment.sh

make_environment mteb 'mteb[audio]==2.26.24' 'torchcodec==0.11.*'
export HF_HUB_OFFLINE=1
run_tests mteb tests/benchmarks/test_maeb.py "$@"
