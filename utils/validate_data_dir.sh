#!/usr/bin/env bash
# Reports everything that is wrong with a data directory; exit status 1 if anything is.
# Usage: utils/validate_data_dir.sh [--no-feats] [--no-text] [--no-wav] [--no-spk-sort] [--non-print] [--check-audio N] <data-dir>
exec "$(dirname "${BASH_SOURCE[0]}")/asda_data.sh" validate "$@"
