#!/usr/bin/env bash
# Print the number of frames of all utterances.
# Usage: utils/data/get_num_frames.sh <data-dir>
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../asda_data.sh" num-frames "$@"
