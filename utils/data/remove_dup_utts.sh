#!/usr/bin/env bash
# Write a subset in which no transcript occurs in more than max-count utterances.
# Usage: utils/data/remove_dup_utts.sh <max-count> <src-dir> <dest-dir>
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../asda_data.sh" no-repeats "$@"
