#!/usr/bin/env bash
# Create a recipe, egs/NAME, for a folder of audio files and a CSV of their labels or transcripts.
# Usage: utils/new_recipe.sh NAME
set -euo pipefail

name=${1-}
if [ $# -ne 1 ] || [[ ! $name =~ ^[A-Za-z0-9_][A-Za-z0-9_-]*$ ]]; then
  echo "usage: $0 NAME (letters, digits, _ and -)" >&2
  exit 1
fi
utils=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
recipe=${utils%/utils}/egs/$name
if [ -e "$recipe" ]; then
  echo "$0: error: $recipe exists already; choose another name" >&2
  exit 1
fi

unfinished=$(mktemp -d "${recipe%/*}/.$name.XXXXXX")
trap 'rm -rf "$unfinished"' EXIT
chmod 755 "$unfinished"
cd "${recipe%/*}/TEMPLATE"
cp -R README.md run.sh path.sh cmd.sh utils conf local "$unfinished"
for file in README.md run.sh; do
  sed "s/NAME/$name/" "$file" >"$unfinished/$file"
done
mv "$unfinished" "$recipe"
echo "created $recipe: write the paths of the corpus into its run.sh, or give them as options:
  $recipe/run.sh --db-dir AUDIO --labels CSV       (for transcripts: --task recognition)"
