#!/usr/bin/env bash
# Tries all faults, one after the other, and collects their tables in WORK/faults.md; see README.md.
#
#   tools/faults/run.sh WORK        # 100 kills of each command, 100 times damage of each file
#   tools/faults/run.sh WORK 10
set -uo pipefail
faults=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=tools/activate.sh
. "$faults/../activate.sh"

work=${1:?usage: tools/faults/run.sh WORK [TIMES]}
times=${2:-100}
mkdir -p "$work"
export PYTHONPATH=$faults/../..${PYTHONPATH:+:$PYTHONPATH}
status=0
python "$faults/kills.py" "$work/kills" --times "$times" || status=1
python "$faults/conditions.py" "$work/conditions" || status=1
python "$faults/damage.py" "$work/conditions" --times "$times" || status=1
for table in kills/kills conditions/conditions conditions/damage; do
  [ ! -f "$work/$table.md" ] || { cat "$work/$table.md" && echo; }
done >"$work/faults.md"
exit "$status"
