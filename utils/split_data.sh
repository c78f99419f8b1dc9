#!/usr/bin/env bash
# Split a data directory by speaker for parallel jobs: <data-dir>/split<N>/<job>.
# Usage: utils/split_data.sh [--per-utt] <data-dir> <num-jobs>
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/asda_data.sh" split "$@"
