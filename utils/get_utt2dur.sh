#!/usr/bin/env bash
# Writes utt2dur of a data directory from segments, audio headers or frames.
# Usage: utils/get_utt2dur.sh [--nj N] [--cmd <cmd>] <data-dir>
exec "$(dirname "${BASH_SOURCE[0]}")/asda_data.sh" utt2dur "$@"
