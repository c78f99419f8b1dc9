#!/usr/bin/env bash
# Usage: local/download.sh [--url URL] DIR
# Download FSD50K to DIR/FSD50K.{ground_truth,dev_audio,eval_audio}: 24.7 GB in split archives,
# which are removed once they are unpacked.
set -euo pipefail

url=https://zenodo.org/records/4060432/files # or a mirror; checksums are verified
help_message="usage: $0 [--url URL] DIR
Download FSD50K to DIR/FSD50K.{ground_truth,dev_audio,eval_audio} (24.7 GB)."

. ./path.sh
. utils/parse_options.sh
[ $# -eq 1 ] || usage

# fetch NAME: download and unpack an archive; standard input has a line "PART MD5" for each part
fetch() {
  local part md5
  if [ -d "$dir/$1" ]; then
    echo "$dir/$1 exists already"
    return
  fi
  while read -r part md5; do
    utils/download.py "$url/$1.$part" "$dir/$1.$part" "$md5"
  done
  rm -rf "$dir/$1.unpacking"
  utils/unpack_split_zip.py "$dir/$1.zip" "$dir/$1.unpacking"
  mv "$dir/$1.unpacking/$1" "$dir/$1"
  rm -r "$dir/$1.unpacking" "$dir/$1".z*
}

dir=$1
fetch FSD50K.ground_truth <<'PARTS'
zip ca27382c195e37d2269c4c866dd73485
PARTS
fetch FSD50K.eval_audio <<'PARTS'
z01 3090670eaeecc013ca1ff84fe4442aeb
zip 6fa47636c3a3ad5c7dfeba99f2637982
PARTS
fetch FSD50K.dev_audio <<'PARTS'
z01 faa7cf4cc076fc34a44a479a5ed862a3
z02 8f9b66153e68571164fb1315d00bc7bc
z03 1196ef47d267a993d30fa98af54b7159
z04 d088ac4e11ba53daf9f7574c11cccac9
z05 81356521aa159accd3c35de22da28c7f
zip c480d119b8f7a7e32fdb58f3ea4d6c5a
PARTS
