#!/usr/bin/env bash
# Runs the tests of asda's pages in a browser, with axe, which checks accessibility: 170 MB. The
# browser is that of the system: Chromium (on Debian: apt-get install chromium) or Chrome.
set -euo pipefail
cd "$(dirname "$0")"
. ../../tools/activate.sh
# shellcheck source=tests/environments/environment.sh
. ./environment.sh

make_environment browser 'playwright>=1.50,<2' 'axe-playwright-python>=0.1.4,<0.2'
run_tests browser tests/report/test_report_in_browser.py "$@"
