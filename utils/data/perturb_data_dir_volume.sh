#!/usr/bin/env bash
# Multiply the audio of each recording by a random factor when it is read.
# Usage: utils/data/perturb_data_dir_volume.sh [--scale-low 0.125] [--scale-high 2] [--reco2vol F] [--write-reco2vol F] [--force true] <data-dir>
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../asda_data.sh" volume "$@"
