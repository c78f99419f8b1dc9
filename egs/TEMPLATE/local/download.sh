#!/usr/bin/env bash
# Usage: local/download.sh DIR
# If the corpus is public, download it to DIR here, as in egs/esc50/local/download.sh.
set -euo pipefail

echo "$0: error: write the paths of the corpus into run.sh (audio, labels)" >&2
exit 1
