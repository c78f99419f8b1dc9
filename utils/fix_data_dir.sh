#!/usr/bin/env bash
# Sort the tables of a data directory and drop utterances missing from any of them.
# Usage: utils/fix_data_dir.sh [--utt-extra-files "f1 f2"] [--spk-extra-files "f1 f2"] <data-dir>
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/asda_data.sh" fix "$@"
