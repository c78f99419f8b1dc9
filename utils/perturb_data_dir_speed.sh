#!/usr/bin/env bash
# Copy a data directory at another speed; sox changes the audio when it is read.
# Usage: utils/perturb_data_dir_speed.sh [--include-spk-prefix true|false] <factor> <src-dir> <dest-dir>
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/asda_data.sh" speed "$@"
