#!/usr/bin/env bash
# Download an archive and unpack it into a folder, which appears once it is complete.
# Usage: utils/fetch_archive.sh [--strip-components N] [--sha256 SUM] URL DIR
# Does nothing if DIR exists. Interrupted downloads resume; the archive is stored next to DIR until
# it is unpacked. --strip-components removes leading folders from paths, as tar does.
set -euo pipefail

strip_components=0
sha256=
help_message="usage: $0 [--strip-components N] [--sha256 SUM] URL DIR"

utils=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=utils/parse_options.sh
. "$utils/parse_options.sh"
[ $# -eq 2 ] || usage

url=$1 dir=$2
archive=$(dirname "$dir")/${url##*/}

unpack() {
  if [[ $archive != *.zip ]]; then
    tar -xf "$archive" -C "$dir.unpacking" --strip-components "$strip_components"
    return
  fi
  python3 -m zipfile -e "$archive" "$dir.unpacking" 2>/dev/null || return
  for ((level = 0; level < strip_components; level++)); do
    mv "$dir.unpacking" "$dir.whole" && mv "$dir.whole"/* "$dir.unpacking" && rmdir "$dir.whole"
  done
}

if [ -d "$dir" ]; then
  echo "$dir exists already"
  exit 0
fi
"$utils/download.py" "$url" "$archive" ${sha256:+"$sha256"}
rm -rf "$dir.unpacking" "$dir.whole"
mkdir -p "$dir.unpacking"
unpack || {
  rm -rf "$archive" "$dir.unpacking"
  echo "$0: error: $archive was damaged and has been removed; run again" >&2
  exit 1
}
mv "$dir.unpacking" "$dir"
rm "$archive"
