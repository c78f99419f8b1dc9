#!/usr/bin/env bash
# Usage: local/download.sh [--hours 100|960] [--url URL] DIR
# Download LibriSpeech to DIR/LibriSpeech: the sets for testing, and those for training (7.6 GB for
# 100 hours, 60 GB for 960). Archives are removed once they are unpacked.
set -euo pipefail

hours=${hours-100}
url=https://www.openslr.org/resources/12 # or a mirror; checksums are verified
help_message="usage: $0 [--hours 100|960] [--url URL] DIR
Download LibriSpeech to DIR/LibriSpeech (7.6 GB for 100 hours, 60 GB for 960)."

. ./path.sh
. utils/parse_options.sh
[ $# -eq 1 ] || usage

# fetch NAME MD5: download and unpack one set
fetch() {
  local unpacked=$dir/$1.unpacked
  if [ -d "$dir/LibriSpeech/$1" ]; then
    echo "$dir/LibriSpeech/$1 exists already"
    return
  fi
  utils/fetch_archive.sh --checksum "$2" "$url/$1.tar.gz" "$unpacked"
  mkdir -p "$dir/LibriSpeech"
  cp "$unpacked"/LibriSpeech/*.TXT "$dir/LibriSpeech" # lists of speakers and chapters, the same in all archives
  mv "$unpacked/LibriSpeech/$1" "$dir/LibriSpeech/$1"
  rm -r "$unpacked"
}

dir=$1
case $hours in
  100 | 960) ;;
  *)
    echo "$0: error: --hours must be 100 or 960, not '$hours'" >&2
    exit 1
    ;;
esac
fetch dev-clean 42e2234ba48799c1f50f24a7926300a1
fetch dev-other c8d0bcc9cca99d4f8b62fcc847357931
fetch test-clean 32fa31d27d2e1cad72775fee3f4849a9
fetch test-other fb5a50374b501bb3bac4815ee91d3135
fetch train-clean-100 2a93770f6d5c6c964bc36631d331a522
if [ "$hours" = 960 ]; then
  fetch train-clean-360 c0e676e450a7ff2f54aeade5171606fa
  fetch train-other-500 d1a0fd59409feb2c614ce4d30c387708
fi
