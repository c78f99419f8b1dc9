#!/usr/bin/env bash
# Print the seconds from one frame of the features to the next.
# Usage: utils/data/get_frame_shift.sh <data-dir>
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../asda_data.sh" frame-shift "$@"
