#!/usr/bin/env bash
# Copy a data directory, with the audio of each segment as a recording of its own.
# Usage: utils/data/extract_wav_segments_data_dir.sh [--nj N] [--cmd <cmd>] <src-dir> <dest-dir>
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../asda_data.sh" extract-segments "$@"
