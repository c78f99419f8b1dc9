#!/usr/bin/env bash
# Print segments for a data directory whose utterances are whole recordings.
# Usage: utils/data/get_segments_for_data.sh <data-dir> > segments
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../asda_data.sh" segments "$@"
