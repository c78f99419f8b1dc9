#!/usr/bin/env bash
# Usage: local/download.sh [--form v2_35] [--url URL] DIR
# Download Speech Commands to DIR/speech_commands_v0.02 (2.4 GB; version 1: 1.5 GB), and for the
# twelve-class forms their test set to DIR/speech_commands_test_set_v0.02 (0.1 GB).
set -euo pipefail

form=${form-v2_35}
url=http://download.tensorflow.org/data # or a mirror; checksums are verified
help_message="usage: $0 [--form v2_35] [--url URL] DIR
Download Speech Commands to DIR/speech_commands_v0.02 (2.4 GB; forms v1_*: 1.5 GB to ..._v0.01)."

. ./path.sh
. utils/parse_options.sh
[ $# -eq 1 ] || usage

# fetch NAME SHA256
fetch() {
  utils/fetch_archive.sh --checksum "$2" "$url/$1.tar.gz" "$dir/$1"
}

dir=$1
case $form in
  v2_35 | v2_12) fetch speech_commands_v0.02 af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58 ;;
  v1_30 | v1_12) fetch speech_commands_v0.01 743935421bb51cccdb6bdd152e04c5c70274e935c82119ad7faeec31780d811d ;;
  *)
    echo "$0: error: --form must be v2_35, v1_30, v2_12 or v1_12, not '$form'" >&2
    exit 1
    ;;
esac
case $form in
  v2_12) fetch speech_commands_test_set_v0.02 cc2a00c1147c2254e9be3fa0f779d8c17421dc349b86366567a8edfa9acd51df ;;
  v1_12) fetch speech_commands_test_set_v0.01 "" ;; # no published checksum was found
esac
