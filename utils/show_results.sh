#!/usr/bin/env bash
# List all results below an experiment folder (default: exp), the best validation result first.
# Usage: utils/show_results.sh [exp] [--folds] [--metric accuracy|mAP|AUC] [--tsv]
set -euo pipefail
if [ -f ./path.sh ]; then
  . ./path.sh
fi
exec asda results list "$@"
