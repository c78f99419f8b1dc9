#!/usr/bin/env bash
# Combine data directories without common utterances.
# Usage: utils/combine_data.sh [--extra-files "f1 f2"] [--skip-fix true] <dest-dir> <src-dir1> <src-dir2> ...
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/asda_data.sh" combine "$@"
