#!/usr/bin/env bash
# Report all problems of a data directory; exit status 1 if there are any.
# Usage: utils/validate_data_dir.sh [--no-feats] [--no-text] [--no-wav] [--no-spk-sort] [--non-print] [--check-audio N] <data-dir>
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/asda_data.sh" validate "$@"
