#!/usr/bin/env bash
# Write a data directory of parts of utterances, with the rows of their features.
# Usage: utils/data/subsegment_data_dir.sh [--segment-end-padding S] [--nj N] [--cmd <cmd>] <src-dir> <parts> [<text>] <dest-dir>
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../asda_data.sh" subsegments "$@"
