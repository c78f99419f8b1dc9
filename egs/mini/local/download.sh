#!/usr/bin/env bash
# Usage: local/download.sh DIR
# Generate the corpus in DIR; takes the place of a download.
set -euo pipefail
. ./path.sh

local/synthesize.py "$1"
