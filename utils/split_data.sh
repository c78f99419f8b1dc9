#!/usr/bin/env bash
# Splits a data directory for parallel jobs: <data-dir>/split<N>/<job>, by speaker.
# Usage: utils/split_data.sh [--per-utt] <data-dir> <num-jobs>
exec "$(dirname "${BASH_SOURCE[0]}")/asda_data.sh" split "$@"
