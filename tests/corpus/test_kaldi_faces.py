"""The scripts of utils/ as people type them."""

import re

import pytest
from corpus.directories import keys, make, shell, write

pytestmark = pytest.mark.slow

LOCAL_SCRIPT = """
set -euo pipefail
. ./path.sh
dir=data/local
mkdir -p $dir data/train
for spk in s2 s10; do
  for n in 3 1 2; do
    echo "$spk-$n $spk"
  done
done | sort -R --random-source=/dev/zero > $dir/utt2spk.unsorted
sort $dir/utt2spk.unsorted > data/train/utt2spk
awk '{print $1, "sox downloads/" $1 ".flac -t wav - |"}' data/train/utt2spk > data/train/wav.scp
awk '{print $1, ($1 ~ /1$/) ? "one" : "other"}' data/train/utt2spk > data/train/utt2label
awk '{print $1, 2.5}' data/train/utt2spk > data/train/utt2dur
cut -d' ' -f2 data/train/utt2label | sort -u > data/train/labels.txt
utils/utt2spk_to_spk2utt.pl <data/train/utt2spk >data/train/spk2utt || exit 1
utils/validate_data_dir.sh --no-feats --no-text data/train
utils/subset_data_dir.sh --first data/train 4 data/train_4
utils/subset_data_dir.sh --per-spk data/train 1 data/train_1each
utils/subset_data_dir.sh --utt-list <(utils/filter_scp.pl --exclude data/train_4/utt2spk \\
  data/train/utt2spk) data/train data/valid
utils/copy_data_dir.sh --utt-prefix sp0.9- --spk-prefix sp0.9- --validate-opts "--no-feats" \\
  data/train_4 data/train_4_sp
utils/combine_data.sh --extra-files "utt2dur" data/train_all data/train_4 data/train_4_sp
utils/split_data.sh --per-utt data/train_all 4
utils/split_data.sh data/train_all 2
cp data/train_all/utt2spk $dir/utt2spk
tac $dir/utt2spk > data/train_all/utt2spk
! utils/validate_data_dir.sh --no-feats data/train_all 2> $dir/problems
utils/fix_data_dir.sh data/train_all
utils/validate_data_dir.sh --no-feats data/train_all
utils/get_utt2dur.sh --nj 2 --cmd "run.pl --mem 1G" data/train_all
"""


def test_a_local_script_in_the_manner_of_kaldi(tmp_path, repository, kaldi_path):
    (tmp_path / "utils").symlink_to(repository / "utils")
    write(tmp_path / "local", **{"prepare.sh": LOCAL_SCRIPT})
    (tmp_path / "path.sh").write_text("export PATH=$PWD/utils:$PATH LC_ALL=C\n")
    done = shell("bash local/prepare.sh", tmp_path, kaldi_path)
    assert done.returncode == 0, done.stderr
    data = tmp_path / "data"
    assert (data / "train" / "spk2utt").read_text() == "s10 s10-1 s10-2 s10-3\ns2 s2-1 s2-2 s2-3\n"
    assert keys(data / "train_4" / "wav.scp") == ["s10-1", "s10-2", "s10-3", "s2-1"]
    assert keys(data / "train_1each" / "wav.scp") == ["s10-1", "s2-1"]
    assert keys(data / "valid" / "utt2label") == ["s2-2", "s2-3"]
    assert len(keys(data / "train_all" / "utt2dur")) == 8
    for job in "1234":
        assert len(keys(data / "train_all" / "split4utt" / job / "wav.scp")) == 2
    assert keys(data / "train_all" / "split2" / "2" / "spk2utt") == ["sp0.9-s10", "sp0.9-s2"]
    assert "not sorted as LC_ALL=C sort does" in (data / "local" / "problems").read_text()
    assert "data/train_all: kept 8 of 8 utterances" in done.stdout
    assert "data/train_all/utt2dur: up to date" in done.stdout


@pytest.mark.parametrize(
    ("command", "status", "message"),
    [
        ("validate_data_dir.sh no/such", 1, "no/such: no such data directory"),
        ("subset_data_dir.sh d 9 part", 1, "cannot choose 9 of its 3 utterances"),
        ("split_data.sh d 2", 1, "cannot split into 2: it has 1 speakers"),
        ("split_data.sh d", 2, "the following arguments are required: count"),
        ("fix_data_dir.sh --utt_extra_file x d", 2, "unrecognized arguments"),
        ("split_scp.pl d/utt2spk o1 o2 o3 o4", 1, "cannot split 3 lines into 4 parts"),
        ("split_scp.pl -j 3 3 d/utt2spk", 2, "no such part"),
        ("split_scp.pl --utt2spk empty d/wav.scp o1", 1, "empty: 'a-00' is missing"),
        ("filter_scp.pl no_list d/utt2spk", 1, "No such file or directory: 'no_list'"),
        ("filter_scp.pl -f 3 d/utt2spk d/utt2spk", 1, "d/utt2spk:1: no field 3"),
        ("utt2spk_to_spk2utt.pl d/labels.txt", 1, "d/labels.txt:1: expected 'utterance speaker'"),
        (
            "spk2utt_to_utt2spk.pl d/labels.txt",
            1,
            "d/labels.txt:1: expected 'speaker utterance ...'",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_line(tmp_path, kaldi_path, command, status, message):
    make(tmp_path / "d", {"a": 3})
    (tmp_path / "empty").touch()
    done = shell(command, tmp_path, kaldi_path)
    assert (done.returncode, done.stdout) == (status, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("filter_scp.pl ids in", "b 2\nc 2\n"),
        ("filter_scp.pl --exclude ids < in", "a 1\n"),
        ("cat in | filter_scp.pl -f 2 ids -", "b 2\nc 2\n"),
        ("cat ids | filter_scp.pl - in", "b 2\nc 2\n"),
        ("utt2spk_to_spk2utt.pl in", "1 a\n2 b c\n"),
        ("utt2spk_to_spk2utt.pl < in | spk2utt_to_utt2spk.pl", "a 1\nb 2\nc 2\n"),
        ("split_scp.pl in o1 o2; cat o1; echo; cat o2", "a 1\nb 2\n\nc 2\n"),
        ("split_scp.pl --utt2spk=in in o1 o2; cat o1; echo; cat o2", "a 1\n\nb 2\nc 2\n"),
        ("split_scp.pl --utt2spk in -j 2 1 in", "b 2\nc 2\n"),
        ("split_scp.pl -j 2 1 - < in", "c 2\n"),
        ("split_scp.pl --one-based -j 2 1 in o1; cat o1", "a 1\nb 2\n"),
        ("echo first; split_scp.pl -j 1 0 in; echo last", "first\na 1\nb 2\nc 2\nlast\n"),
    ],
)
def test_lists_are_filtered_split_and_inverted(tmp_path, kaldi_path, command, output):
    (tmp_path / "in").write_text("a 1\nb 2\nc 2\n")
    (tmp_path / "ids").write_text("b and more\nc\n2\n")
    # to a file, as scripts do, where the output must not be opened anew
    done = shell(f"{{ {command}; }} > out", tmp_path, kaldi_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out").read_text() == output


def test_scripts_work_from_a_checkout_that_is_not_installed(tmp_path, repository):
    make(tmp_path / "d", {"a": 2})
    done = shell(f"{repository}/utils/fix_data_dir.sh d", tmp_path, "/usr/bin:/bin")
    assert done.stdout == "d: kept 2 of 2 utterances\n", done.stderr


def test_a_reader_that_stops_early_is_no_error(tmp_path, kaldi_path):
    (tmp_path / "in").write_text("".join(f"key{index:06d} x\n" for index in range(50000)))
    for command in ("filter_scp.pl in in", "split_scp.pl -j 1 0 in", "utt2spk_to_spk2utt.pl in"):
        done = shell(f"{command} | head -1", tmp_path, kaldi_path)
        assert (done.stdout != "", done.stderr) == (True, "")


DATA_FACES = [
    "extract_wav_segments_data_dir subsegment_data_dir",
    "combine_data copy_data_dir fix_data_dir get_frame_shift get_num_frames get_reco2dur",
    "get_reco2utt get_segments_for_data get_utt2dur get_utt2num_frames modify_speaker_info",
    "perturb_data_dir_speed perturb_data_dir_speed_3way perturb_data_dir_volume remove_dup_utts",
    "resample_data_dir split_data subset_data_dir validate_data_dir",
]


@pytest.mark.parametrize("name", " ".join(DATA_FACES).split())
def test_scripts_of_utils_data_say_how_they_are_called(repository, tmp_path, kaldi_path, name):
    script = repository / f"utils/data/{name}.sh"
    (usage,) = re.findall(rf"^# Usage: utils/(?:data/)?{name}.sh (.*)$", script.read_text(), re.M)
    help_text = shell(f"{script} --help", tmp_path, kaldi_path)
    assert (help_text.returncode, help_text.stderr) == (0, "")
    for option in re.findall(r"--[\w-]+", usage):
        assert option in help_text.stdout


@pytest.mark.parametrize("name", ["fix_data_dir", "data/fix_data_dir", "data/get_reco2utt"])
def test_scripts_work_through_links_of_folders_and_of_single_files(
    repository, tmp_path, kaldi_path, name
):
    make(tmp_path / "d", {"a": 2})
    (tmp_path / "wsj").symlink_to(repository / "utils")
    (tmp_path / "utils").symlink_to("wsj")
    (tmp_path / "single.sh").symlink_to(f"utils/{name}.sh")
    for path in (f"utils/{name}.sh", "./single.sh"):
        done = shell(f"{path} d", tmp_path, kaldi_path)
        assert (done.returncode, done.stderr, done.stdout[:1]) == (0, "", "d")


def test_lists_can_be_made_through_links_of_single_files(repository, tmp_path, kaldi_path):
    (tmp_path / "split.pl").symlink_to(repository / "utils/split_scp.pl")
    (tmp_path / "in").write_text("a\nb\n")
    done = shell("./split.pl -j 2 1 in", tmp_path, kaldi_path)
    assert (done.stdout, done.stderr) == ("b\n", "")


KALDI_TRAINING = """
set -euo pipefail
utils/data/get_utt2dur.sh data/train
utils/data/perturb_data_dir_speed_3way.sh data/train data/train_sp
utils/data/perturb_data_dir_volume.sh data/train_sp
utils/data/modify_speaker_info.sh --utts-per-spk-max 2 data/train_sp data/train_sp_max2
utils/data/get_utt2num_frames.sh data/train_sp
utils/apply_map.pl -f 2 <(echo a A) < data/train/utt2spk | utils/shuffle_list.pl \\
  | utils/subset_scp.pl --quiet 9 /dev/stdin > chosen
utils/make_absolute.sh data
"""


def test_the_augmentation_of_a_kaldi_recipe(repository, tmp_path, kaldi_path):
    (tmp_path / "utils").symlink_to(repository / "utils")
    make(tmp_path / "data" / "train", {"a": 3})
    write(tmp_path / "data" / "train", reco2dur="a-00 1.5\na-01 2.5\na-02 3.5\n")
    done = shell(KALDI_TRAINING, tmp_path, kaldi_path)
    assert done.returncode == 0, done.stderr
    assert len(keys(tmp_path / "data" / "train_sp_max2" / "wav.scp")) == 9
    assert keys(tmp_path / "data" / "train_sp_max2" / "spk2utt")[:3] == ["a-1", "a-2", "sp0.9-a-1"]
    assert sorted((tmp_path / "chosen").read_text().split()) == ["A"] * 3 + ["a-00", "a-01", "a-02"]
    assert done.stdout.splitlines()[-1] == str(tmp_path / "data")
