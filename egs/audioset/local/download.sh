#!/usr/bin/env bash
# Usage: local/download.sh [--url URL] DIR
# Download AudioSet's lists of segments and classes to DIR/metadata (100 MB). The audio is on
# YouTube and is not downloaded: put yours into DIR, or pass its folder to run.sh as --db-dir.
set -euo pipefail

url=http://storage.googleapis.com/us_audioset/youtube_corpus/v1/csv # or a mirror
help_message="usage: $0 [--url URL] DIR
Download AudioSet's lists of segments and classes to DIR/metadata (100 MB)."

. ./path.sh
. utils/parse_options.sh
[ $# -eq 1 ] || usage
dir=$1

for list in eval_segments balanced_train_segments unbalanced_train_segments class_labels_indices; do
  utils/download.py "$url/$list.csv" "$dir/metadata/$list.csv"
done
local/segments.py "$dir/metadata"
echo "the lists are in $dir/metadata; put the audio into $dir, or pass its folder as --db-dir"
