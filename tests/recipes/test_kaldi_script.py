"""A local/ script as people write them for Kaldi runs unchanged in a recipe's folder."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = r"""#!/usr/bin/env bash
# Begin configuration section.
nj=4
cmd=run.pl
stage=0
help_message="Usage: $0 [options] <src-dir> <data-dir>"
# End configuration section.
echo "$0 $@"  # Print the command line for logging
if [ -f path.sh ]; then . ./path.sh; fi
. parse_options.sh || exit 1;
if [ $# != 2 ]; then
  echo $help_message
  exit 1;
fi
src=$1
data=$2
set -e -o pipefail

if [ $stage -le 0 ]; then
  mkdir -p $data
  find -L $src -iname '*.wav' | sort | while read wav; do
    id=$(basename $wav .wav)
    echo "$id sox $wav -t wav - |"
  done > $data/wav.scp
  awk '{split($1, a, "-"); print $1, a[1];}' $data/wav.scp > $data/utt2spk
  utils/utt2spk_to_spk2utt.pl < $data/utt2spk > $data/spk2utt
  echo "spk9-utt9 nobody" >> $data/utt2spk
  utils/fix_data_dir.sh $data || exit 1;
  utils/validate_data_dir.sh --no-feats --no-text $data || exit 1;
fi

if [ $stage -le 1 ]; then
  utils/subset_data_dir.sh --speakers $data 4 ${data}_sub
  utils/split_data.sh --per-utt $data $nj
  sdata=$data/split${nj}utt
  $cmd --mem 1G JOB=1:$nj $data/log/words.JOB.log \
    awk '{print $1 " " NF;}' $sdata/JOB/wav.scp \| sort \> $data/words.JOB || exit 1;
  for n in $(seq $nj); do cat $data/words.$n; done > $data/words
  utils/filter_scp.pl ${data}_sub/utt2spk $data/words > $data/words_sub
  utils/filter_scp.pl --exclude ${data}_sub/utt2spk $data/words > $data/words_rest
fi
echo "$0: done preparing $data"
"""


@pytest.fixture
def recipe(repository, tmp_path, monkeypatch) -> Path:
    """A recipe's folder beside the repository's utils/, and a corpus of 3 speakers."""
    folder = tmp_path / "egs/mine"
    (folder / "local").mkdir(parents=True)
    shutil.copy(repository / "egs/mini/path.sh", folder)
    for name in ("utils", "tools"):
        (tmp_path / name).symlink_to(repository / name)
    (folder / "utils").symlink_to("../../utils")
    (folder / "local/prepare.sh").write_text(SCRIPT)
    (folder / "corpus").mkdir()
    for speaker in (1, 2, 3):
        for number in (1, 2, 3, 4):
            (folder / f"corpus/spk{speaker}-utt{number}.wav").touch()
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    return folder


def prepare(recipe, *words):
    return subprocess.run(
        ["bash", "local/prepare.sh", *words], cwd=recipe, capture_output=True, text=True
    )


def test_runs_unchanged(recipe):
    done = prepare(recipe, "--nj", "3", "corpus", "data/all")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("local/prepare.sh: done preparing data/all\n")
    everything = (recipe / "data/all/words").read_text().splitlines()
    assert everything == [f"spk{s}-utt{n} 7" for s in (1, 2, 3) for n in (1, 2, 3, 4)]
    subset = (recipe / "data/all/words_sub").read_text().splitlines()
    rest = (recipe / "data/all/words_rest").read_text().splitlines()
    assert len(subset) >= 4
    assert sorted(subset + rest) == everything


def test_its_usage_and_options_work(recipe):
    assert prepare(recipe, "--help").stdout.endswith("[options] <src-dir> <data-dir>\n")
    assert prepare(recipe, "corpus").returncode == 1
    assert "did you mean --stage?" in prepare(recipe, "--stge", "1", "corpus", "data/all").stderr
