#!/usr/bin/env bash
# Resample the audio of a data directory when it is read.
# Usage: utils/data/resample_data_dir.sh <rate in Hz> <data-dir>
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../asda_data.sh" resample "$@"
