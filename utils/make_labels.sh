#!/usr/bin/env bash
# List the audio files of a folder with one subfolder per class, as a CSV with labels; a table of
# classes, clips, hours and sample rates goes to the terminal.
# Usage: utils/make_labels.sh <folder> > labels.csv
exec "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/asda_data.sh" labels "$@"
