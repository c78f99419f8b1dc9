#!/usr/bin/env bash
# Usage: local/download.sh [--url URL] [--checksum SUM] DIR
# Download ESC-50, as of the last change of its audio and labels, to DIR/ESC-50 (a download of 646
# MB).
set -euo pipefail

url=https://github.com/karolpiczak/ESC-50/archive/33c8ce9eb2cf0b1c2f8bcf322eb349b6be34dbb6.zip
checksum=661183a6f53ef04f12c9bd618fed0ddc1713280d6c94a5a5431e844ba6f6a21f
help_message="usage: $0 [--url URL] [--checksum SUM] DIR
Download ESC-50 to DIR/ESC-50 (a download of 646 MB)."

. ./path.sh
. utils/parse_options.sh
[ $# -eq 1 ] || usage

utils/fetch_archive.sh --strip-components 1 --checksum "$checksum" "$url" "$1/ESC-50"
