#!/usr/bin/env bash
# Installs what tests of pages in a browser need besides the browser: Playwright, and axe, which
# checks accessibility. They come into a folder of their own, 170 MB, that git ignores.
#
#   tests/environments/browser.sh            # then: tests/run.sh tests/report
#   tests/environments/browser.sh --browser  # also Chromium, by apt-get, if there is no browser
set -euo pipefail
cd "$(dirname "$0")"
. ../../tools/activate.sh

if [ "${1:-}" = --browser ] && ! command -v chromium chromium-browser google-chrome >/dev/null; then
  apt-get update && apt-get install -y --no-install-recommends chromium
fi
if [ ! -e browser/installed ]; then
  rm -rf browser
  python -m pip install --disable-pip-version-check --quiet --target browser \
    'playwright>=1.50,<2' 'axe-playwright-python>=0.1.4,<0.2'
  touch browser/installed
fi
