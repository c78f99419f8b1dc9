#!/usr/bin/env bash
# Write utt2dur for a data directory, from segments, audio headers or frame counts.
# Usage: utils/get_utt2dur.sh [--nj N] [--cmd <cmd>] <data-dir>
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/asda_data.sh" utt2dur "$@"
