#!/usr/bin/env bash
# Skip what was made from the same inputs already; sourced by utils/asda.sh.
# shellcheck disable=SC2154 # the variables are those of utils/asda.sh

# make_once OUT CHECKSUMS VERB COMMAND...: run a command that writes the folder OUT, unless it did so with
# the same checksums
make_once() {
  local out=$1 sums=$2 verb=$3
  shift 3
  if is_current "$out" "$sums"; then
    log "$out is up to date; remove it to $verb again"
    return
  fi
  rm -f "$out/.inputs"
  "$@" || return
  note_current "$out" "$sums"
}

# feature_checksum DATA: print a checksum that changes when its features do
feature_checksum() {
  if [ "$feats_type" = raw ]; then
    cksum <"$fbank_config"
  else
    utils/filter_scp.pl "$1/utt2spk" "$dumpdir/fbank/utt2moments" | cksum
  fi
}

# checksums FILE|DATA...: print checksums of files, and of the tables and features of directories
checksums() {
  local path
  echo "${features[@]}"
  for path in "$@"; do
    [ ! -d "$path" ] || feature_checksum "$path" 2>/dev/null
    find -L "$path" -maxdepth 1 -type f -exec cksum {} + 2>/dev/null | sort
  done
}

# is_current OUT CHECKSUMS: whether OUT/.inputs has the same checksums, and all files that it lists exist
is_current() {
  local word name
  [ -f "$1/.inputs" ] && grep -q '^wrote ' "$1/.inputs" || return 1
  [ "$2" = "$(grep -v '^wrote ' "$1/.inputs")" ] || return 1
  [ -z "$(find "$1" -name result.json -newer "$1/.inputs")" ] || return 1
  while read -r word name; do
    [ "$word" != wrote ] || [ -f "$1/$name" ] || return 1
  done <"$1/.inputs"
}

# note_current OUT CHECKSUMS: write OUT/.inputs
note_current() {
  mkdir -p "$1"
  {
    echo "$2"
    (cd "$1" && find . -type f ! -name '.*' | sort | sed 's|^|wrote |')
  } >"$1/.inputs.new"
  mv "$1/.inputs.new" "$1/.inputs"
}
