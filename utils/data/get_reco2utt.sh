#!/usr/bin/env bash
# Write reco2utt, the utterances of each recording.
# Usage: utils/data/get_reco2utt.sh <data-dir>
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../asda_data.sh" reco2utt "$@"
