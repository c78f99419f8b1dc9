#!/usr/bin/env bash
# Usage: local/download.sh DIR
# Download the Free Spoken Digit Dataset, release 1.0.10, to DIR/recordings (16 MB).
set -euo pipefail

help_message="usage: $0 DIR
Download the Free Spoken Digit Dataset, release 1.0.10, to DIR/recordings (16 MB)."

. ./path.sh
. utils/parse_options.sh
[ $# -eq 1 ] || usage
dir=$1
url=https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.tar.gz
sha256=${FSDD_SHA256-} # checked if set

if [ -d "$dir/recordings" ]; then
  echo "$dir/recordings exists already"
  exit 0
fi
utils/download.py "$url" "$dir/fsdd-1.0.10.tar.gz" ${sha256:+"$sha256"}
archive=$dir/fsdd-1.0.10.tar.gz
rm -rf "$dir/unpacking"
utils/unpack.py --strip-components 1 "$archive" "$dir/unpacking" || {
  [ $? -ne 1 ] || rm "$archive" # damaged
  echo "$0: error: $archive could not be unpacked, see above; run again" >&2
  exit 1
}
mv "$dir/unpacking/recordings" "$dir/recordings"
rm -r "$dir/unpacking"
