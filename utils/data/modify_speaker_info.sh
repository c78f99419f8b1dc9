#!/usr/bin/env bash
# Copy a data directory and divide its utterances anew among speakers.
# Usage: utils/data/modify_speaker_info.sh [--utts-per-spk-max N] [--seconds-per-spk-max S] [--respect-speaker-info true] [--respect-recording-info true] <src-dir> <dest-dir>
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../asda_data.sh" speakers "$@"
