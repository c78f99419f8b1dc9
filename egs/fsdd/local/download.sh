#!/usr/bin/env bash
# Usage: local/download.sh [--url URL] [--checksum SUM] DIR
# Download the Free Spoken Digit Dataset, release 1.0.10, to DIR/recordings (16 MB).
set -euo pipefail

url=https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.tar.gz
checksum= # none is published
help_message="usage: $0 [--url URL] [--checksum SUM] DIR
Download the Free Spoken Digit Dataset, release 1.0.10, to DIR/recordings (16 MB)."

. ./path.sh
. utils/parse_options.sh
[ $# -eq 1 ] || usage
dir=$1

if [ -d "$dir/recordings" ]; then
  echo "$dir/recordings exists already"
  exit 0
fi
utils/fetch_archive.sh --strip-components 1 --checksum "$checksum" "$url" "$dir/unpacked"
mv "$dir/unpacked/recordings" "$dir/recordings"
rm -r "$dir/unpacked"
