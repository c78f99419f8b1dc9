#!/usr/bin/env bash
# Usage: local/download.sh [--debian true] [--url URL] DIR
# Download the core sounds of Asterisk, version 1.6.1, in five languages: upstream's archives to
# DIR/LANGUAGE (150 MB), or with --debian true Debian's packages to DIR/usr (as large). The latter
# needs apt-get and dpkg-deb but no privileges, and is checked by Debian's signatures.
set -euo pipefail

debian=false
url=https://downloads.asterisk.org/pub/telephony/sounds/releases # or a mirror
help_message="usage: $0 [--debian true] [--url URL] DIR
Download the prompts of Asterisk in five languages to DIR (150 MB)."

. ./path.sh
. utils/parse_options.sh
[ $# -eq 1 ] || usage
dir=$1
languages=(en es fr it ru)

# fetch_packages: download Debian's packages and unpack them to DIR/usr, which appears once complete
fetch_packages() {
  local packages=("${languages[@]/#/asterisk-core-sounds-}") package
  packages+=("${packages[@]/%/-wav}")
  rm -rf "$dir/unpacking"
  mkdir -p "$dir/unpacking"
  (cd "$dir/unpacking" && apt-get download "${packages[@]}") || {
    echo "$0: error: apt-get cannot download ${packages[0]} and others; run apt-get update as root" >&2
    exit 1
  }
  for package in "$dir"/unpacking/*.deb; do
    dpkg-deb --extract "$package" "$dir/unpacking"
  done
  mv "$dir/unpacking/usr" "$dir/usr"
  rm -r "$dir/unpacking"
}

if [ "$debian" = true ]; then
  if [ -d "$dir/usr" ]; then
    echo "$dir/usr exists already"
  else
    fetch_packages
  fi
  exit 0
fi
for language in "${languages[@]}"; do
  utils/fetch_archive.sh "$url/asterisk-core-sounds-$language-wav-1.6.1.tar.gz" "$dir/$language"
done
