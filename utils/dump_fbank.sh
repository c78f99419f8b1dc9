#!/usr/bin/env bash
# Extract log-mel features of data directories into one folder; see help_message below.
set -euo pipefail

cmd=run.pl
nj=4
fbank_config=
compression=3
max_bad=0.05
archive_mb=256
no_pipes=false
help_message="usage: $0 [options] <dump> <data-dir>...

Writes feats.scp, utt2num_frames, utt2moments and archives to the folder <dump>. Existing features of
these and other data directories are kept; only new utterances and those with changed audio are
computed. If interrupted, repeat the call to resume.

  --cmd CMD            how jobs run (default: $cmd)
  --nj N               parallel jobs (default: $nj)
  --fbank-config FILE  feature configuration; for keys and their defaults see asda dump --help
  --compression METHOD 3 = 2 bytes per value, 5 or 2 = 1 byte, none = 4 bytes (default: $compression)
  --max-bad FRACTION   tolerated fraction of utterances with unusable audio (default: $max_bad)
  --archive-mb MB      size of an archive; an interrupted job loses its last one (default: $archive_mb)
  --no-pipes true|false  run no commands of wav.scp: their clips are unusable (default: $no_pipes)"

utils=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=utils/parse_options.sh
. "$utils/parse_options.sh"
# shellcheck source=tools/activate.sh
. "$utils/../tools/activate.sh"
# shellcheck source=utils/job_words.sh
. "$utils/job_words.sh"
export PATH=$utils:$PATH

[ $# -ge 2 ] || usage
dump=$1
shift

if ! mkdir -p "$dump" || ! : >>"$dump/.lock"; then
  echo "$0: error: cannot write to '$dump'; choose another folder (--dumpdir of a recipe), or start" \
    "with a later stage if its features are complete" >&2
  exit 1
fi
exec 9>"$dump/.lock" # the kernel releases the lock when this script ends, however it ends
python3 -c '
import fcntl, sys
try:
    fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print(sys.argv[1] + ": another dump writes to this folder; waiting for its end", file=sys.stderr)
    fcntl.flock(9, fcntl.LOCK_EX)
except OSError as error:
    print(f"{sys.argv[1]}: its file system has no locks ({error.strerror}); see to it that no other"
          " dump writes to this folder", file=sys.stderr)' "$dump"

# Jobs of a call that was killed would write what the next plan does not know of.
name_job "$dump"
logs=$dump/log/dump.$job_name.log
[ ! -d "$dump/log" ] || settle_jobs.py "$logs" "$job_name"

# A job may not get the environment of this call, so its command says it too.
forbid=()
[ "$no_pipes" = false ] || forbid=(--no-pipes)

jobs=$(asda dump plan "${forbid[@]}" --nj "$nj" ${fbank_config:+--fbank-config "$fbank_config"} \
  --compression "$compression" "$dump" "$@")

# progress: every 10 s, print the total over the last log lines of the running jobs
progress() {
  while sleep 10 >/dev/null && kill -0 $$ 2>/dev/null; do
    tail -qn 1 "$dump"/log/dump.*.log 2>/dev/null | awk '
      / utterances, .* minutes left$/ {
        ready += $1; all += $3; rate += $5; if ($8 > left) left = $8
      }
      END {
        if (all) printf "%d of %d utterances of running jobs, %.0f per second, %.1f minutes left\n",
          ready, all, rate, left
      }'
  done
}

if [ "$jobs" -gt 0 ]; then
  progress 9>&- & # must not hold the lock
  trap end_children EXIT
  quote_job_words "$archive_mb" "$dump"
  $cmd "$job_name=1:$jobs" "$logs" \
    asda dump part "${forbid[@]}" --archive-mb "${job_words[@]}" "$job_name"
fi
asda dump finish --max-bad "$max_bad" "$dump"
