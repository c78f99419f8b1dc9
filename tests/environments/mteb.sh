#!/usr/bin/env bash
# Runs the mock tasks of MTEB that have audio: 750 MB. torchcodec, of which each version fits one of
# torch, also needs the libraries of ffmpeg (on Debian and Ubuntu: apt-get install ffmpeg).
set -euo pipefail
cd "$(dirname "$0")"
. ../../tools/activate.sh
. ./environment.sh

minor=$(python -c 'import torch; print(int(torch.__version__.split(".")[1]))')
make_environment mteb 'mteb[audio]==2.26.24' "torchcodec==0.$minor.*"
export HF_HUB_OFFLINE=1
run_tests mteb tests/benchmarks/test_maeb.py "$@"
