#!/usr/bin/env bash
# Usage: local/download.sh DIR
# Download the Free Spoken Digit Dataset to DIR/recordings (16 MB), as the recipe fsdd does.
set -euo pipefail

exec ../fsdd/local/download.sh "$@"
