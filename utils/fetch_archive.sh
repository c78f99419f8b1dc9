#!/usr/bin/env bash
# Download an archive and unpack it into a folder, which appears once it is complete.
# Usage: utils/fetch_archive.sh [--strip-components N] [--checksum SUM] URL DIR
# Does nothing if DIR exists. Interrupted downloads resume; the archive is stored next to DIR until
# it is unpacked. --strip-components removes leading folders from paths, as tar does; the checksum is
# SHA-256 or MD5.
set -euo pipefail

strip_components=0
checksum=
help_message="usage: $0 [--strip-components N] [--checksum SUM] URL DIR"

utils=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=utils/parse_options.sh
. "$utils/parse_options.sh"
[ $# -eq 2 ] || usage

url=$1 dir=$2
archive=$(dirname "$dir")/${url##*/}

if [ -d "$dir" ]; then
  echo "$dir exists already"
  exit 0
fi
"$utils/download.py" "$url" "$archive" ${checksum:+"$checksum"}
rm -rf "$dir.unpacking"
status=0
"$utils/unpack.py" --strip-components "$strip_components" "$archive" "$dir.unpacking" || status=$?
if [ $status -ne 0 ]; then
  rm -rf "$dir.unpacking"
  if [ $status -eq 1 ]; then
    rm -f "$archive"
    echo "$0: error: $archive was damaged and has been removed; run again" >&2
  fi
  exit $status
fi
mv "$dir.unpacking" "$dir"
rm "$archive"
