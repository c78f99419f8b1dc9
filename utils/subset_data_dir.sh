#!/usr/bin/env bash
# Write a subset of a data directory; by default utterances at even intervals.
# Usage: utils/subset_data_dir.sh [--first|--last|--shortest|--per-spk|--per-label|--speakers] <src-dir> <num-utt> <dest-dir>
#        utils/subset_data_dir.sh --utt-list|--spk-list <file> <src-dir> <dest-dir>
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/asda_data.sh" subset "$@"
