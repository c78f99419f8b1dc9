#!/usr/bin/env bash
# Runs tests against packages that asda does not need, each in an environment that is made first:
#
#   tests/environments/run.sh             # all
#   tests/environments/run.sh hear xares  # some of them
#
# .ci/run has those that are installed in less than a minute.
set -euo pipefail
cd "$(dirname "$0")"
[ $# -gt 0 ] || set -- browser hear xares mteb

for name; do
  start=$SECONDS
  "./$name.sh"
  echo "$name: passed in $((SECONDS - start)) s"
done
