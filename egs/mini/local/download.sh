#!/usr/bin/env bash
# Usage: local/download.sh DIR
# Makes the corpus in DIR, which takes the place of a download.
set -euo pipefail
. ./path.sh

local/synthesize.py "$1"
