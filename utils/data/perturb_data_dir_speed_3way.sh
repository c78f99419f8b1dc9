#!/usr/bin/env bash
# Write a data directory of the audio at the speeds 0.9, 1 and 1.1.
# Usage: utils/data/perturb_data_dir_speed_3way.sh [--always-include-prefix false] [--include-spk-prefix true] <src-dir> <dest-dir>
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../asda_data.sh" speeds "$@"
