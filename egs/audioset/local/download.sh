#!/usr/bin/env bash
# Usage: local/download.sh [--url URL] DIR
# Puts AudioSet's lists of segments and classes into DIR/metadata (100 MB). Its audio lies on
# YouTube and is not downloaded: put yours into DIR, or give its folder as --db-dir of run.sh.
set -euo pipefail

url=http://storage.googleapis.com/us_audioset/youtube_corpus/v1/csv # or a mirror
help_message="usage: $0 [--url URL] DIR
Puts AudioSet's lists of segments and classes into DIR/metadata (100 MB)."

. ./path.sh
if [[ " ${*:2}" == *" --url"* ]]; then
  echo "$0: error: --url comes first" >&2
  exit 1
fi
if [[ ${1-} =~ ^(--url|--help$|-h$) ]]; then # other options are those of local/data.py
  . utils/parse_options.sh
fi
if [ $# -eq 0 ] || [[ ${!#} == -* ]]; then
  echo "$help_message" >&2
  exit 1
fi

dir=${!#}
for list in eval_segments balanced_train_segments unbalanced_train_segments class_labels_indices; do
  utils/download.py "$url/$list.csv" "$dir/metadata/$list.csv"
done
local/segments.py "$dir/metadata"
echo "the lists are in $dir/metadata; the audio has to be in $dir, or in --db-dir of run.sh"
