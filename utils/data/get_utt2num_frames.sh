#!/usr/bin/env bash
# Write utt2num_frames from features, or else from durations.
# Usage: utils/data/get_utt2num_frames.sh [--nj N] [--cmd <cmd>] <data-dir>
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../asda_data.sh" frames "$@"
