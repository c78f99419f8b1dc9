#!/usr/bin/env bash
# Write reco2dur, the duration of each recording.
# Usage: utils/data/get_reco2dur.sh [--nj N] [--cmd <cmd>] <data-dir>
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../asda_data.sh" reco2dur "$@"
