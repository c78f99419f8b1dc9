"""utils/asda.sh: which commands the stages call, with an `asda` that only notes its calls."""

import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import is_dataclass
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from asda.training.run_config import FinetuneConfig, PretrainConfig

NOTE = """#!/usr/bin/env bash
echo "${0##*/} $*" >> "$CALLS"
[ "${FAILS-}" != "$1" ] || { echo "asda $1: error: it failed" >&2; exit "${STATUS:-1}"; }
out=$(sed -E 's/.* --(out|exp) ([^ ]+).*/\\2/' <<<"$*")
case $1 in
  pretrain | finetune | finetune-ctc) mkdir -p "$out" && touch "$out/model.pt" ;;
  units) mkdir -p "$out" ;;
  score) mkdir -p "$out" && touch "$out/result.json" "$out/RESULTS.md" ;;
  tag | transcribe) mkdir -p "$(dirname "$out")" && touch "$out" ;;
  export) mkdir -p "$(dirname "$3")" && touch "$3" ;;
  baseline)
    for name in logistic_regression random_forest; do
      mkdir -p "$out/$name/score" && touch "$out/$name/score/result.json"
    done
    ;;
esac
"""
SETS = ["train", "valid", "test", "few", "all", "a", "b/c"]
FOLDS_OF = {"data": "12", "data/small": "123b"}


@pytest.fixture
def recipe(repository, tmp_path, monkeypatch):
    """A recipe's folder whose asda, torchrun and local scripts are notes in a file."""
    folder = tmp_path / "egs/mine"
    folds = [f"{data}/fold{n}/{name}" for data in FOLDS_OF for n in FOLDS_OF[data] for name in SETS]
    made = [folder / name for name in ["local", *(f"data/{name}" for name in SETS), *folds]]
    for place in (*made, tmp_path / "bin"):
        place.mkdir(parents=True, exist_ok=True)
    for place in made[1:]:
        (place / "utt2label").touch()
    for name in ("utils", "tools"):
        (tmp_path / name).symlink_to(repository / name)
    (folder / "utils").symlink_to("../../utils")
    for name in ("path.sh", "cmd.sh"):
        shutil.copy(repository / "egs/mini" / name, folder)
    for name in (
        "bin/asda",
        "bin/torchrun",
        "egs/mine/local/download.sh",
        "egs/mine/local/data.sh",
    ):
        (tmp_path / name).write_text(NOTE)
        (tmp_path / name).chmod(0o755)
    (folder / "conf").mkdir()
    for name in ("pretrain", "pretrain_wide", "x", "finetune", "slow", "ctc", "units", "units_bpe"):
        (folder / f"conf/{name}.yaml").touch()
    for name in ("my/asda.pt", "exp/pretrain_wide/model.pt"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).touch()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.chdir(folder)
    return folder


def run(*options):
    """Run the stages on raw features; return the process and the calls."""
    sets = ["--train-set", "train", "--valid-set", "valid", "--test-sets", "test"]
    done = subprocess.run(
        ["utils/asda.sh", *sets, "--feats-type", "raw", *options], capture_output=True, text=True
    )
    calls = os.environ["CALLS"]
    return done, open(calls).read().splitlines() if os.path.exists(calls) else []


def experiments(*options):
    """Return the experiments that stages 3 and 4 write, and what the second starts from."""
    Path(os.environ["CALLS"]).unlink(missing_ok=True)
    done, calls = run("--stage", "3", "--stop-stage", "4", *options)
    assert done.returncode == 0, done.stderr
    words = [call.split() for call in calls]
    written = [call[call.index("--exp") + 1] for call in words]
    finetune = words[-1]
    return written, finetune[finetune.index("--init") + 1] if "--init" in finetune else None


def test_all_stages_in_their_order(recipe):
    (recipe / "downloads").mkdir()
    done, calls = run()
    assert done.returncode == 0, done.stderr
    data = "--train data/train --valid data/valid --fbank conf/fbank.yaml --data.max_bad=0.05"
    assert calls == [
        "download.sh downloads",
        "data.sh downloads data",
        "asda data summary --fbank-config conf/fbank.yaml data/train data/valid data/test",
        f"asda pretrain --config conf/pretrain.yaml {data} --exp exp/pretrain"
        " --training.device auto",
        f"asda finetune --config conf/finetune.yaml {data} --exp exp/finetune"
        " --training.device auto --init exp/pretrain/model.pt",
        "asda score --model exp/finetune/model.pt --data data/test --out exp/finetune/score"
        " --fbank conf/fbank.yaml --max_bad=0.05 --device auto",
        "asda results list exp",
    ]
    assert done.stdout.count(" stage ") == 6


def test_folders_may_have_an_ampersand(recipe):
    """In replacements, bash 5.2 takes it for what was found, unless it is quoted."""
    (recipe / "data").rename(recipe / "R&D")
    done, calls = run("--stage", "2", "--stop-stage", "2", "--datadir", "R&D")
    assert done.returncode == 0, done.stderr
    assert calls[0].endswith(" R&D/train R&D/valid R&D/test")


def test_no_pipes_is_passed_to_all_that_reads_audio(recipe):
    (recipe / "downloads").mkdir()
    done, calls = run("--no-pipes", "true", "--tag-sets", "few", "--stop-stage", "6")
    assert done.returncode == 0, done.stderr
    for verb in ("pretrain", "finetune", "score", "tag"):
        assert all(c.endswith(" --no-pipes") for c in calls if c.startswith(f"asda {verb} ")), verb
    note = (recipe / "local/data.sh").read_text()
    (recipe / "local/data.sh").write_text(f"{note}echo local $ASDA_NO_PIPES >> $CALLS\n")
    assert run("--no-pipes", "true", "--stage", "1", "--stop-stage", "1")[1][-1] == "local 1"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--stage", "4", "--stop-stage", "4"], ["finetune"]),
        (["--stage=finetune", "--stop_stage=finetune"], ["finetune"]),
        (["--stage", "finetune", "--stop-stage", "100"], ["finetune", "score", "results"]),
    ],
)
def test_stages_by_number_and_name(recipe, options, expected):
    (recipe / "exp/pretrain").mkdir()
    (recipe / "exp/pretrain/model.pt").touch()
    assert [call.split()[1] for call in run(*options)[1]] == expected


@pytest.mark.parametrize(
    ("options", "expected", "init"),
    [
        ([], ["exp/pretrain", "exp/finetune"], "exp/pretrain/model.pt"),
        (
            ["--pretrain-tag", "wide", "--pretrain-config", "conf/x.yaml"],
            ["exp/pretrain_wide", "exp/finetune_wide"],
            "exp/pretrain_wide/model.pt",
        ),
        (
            ["--pretrain-config", "conf/pretrain_wide.yaml", "--finetune-config", "conf/slow.yaml"],
            ["exp/pretrain_wide", "exp/finetune_wide_slow"],
            "exp/pretrain_wide/model.pt",
        ),
        (
            ["--pretrain-args", "--optimizer.lr 1e-3 --model.num_masks=4", "--finetune-tag", "my"],
            ["exp/pretrain_lr1e-3_num_masks4", "exp/finetune_my"],
            "exp/pretrain_lr1e-3_num_masks4/model.pt",
        ),
        (
            ["--finetune-args=--training.updates 150 --data.max-frames=64 --classifier.layers all"],
            ["exp/pretrain", "exp/finetune_updates150_max_frames64_layersall"],
            "exp/pretrain/model.pt",
        ),
        (["--pretrained", "own"], ["exp/pretrain", "exp/finetune"], "exp/pretrain/model.pt"),
        (["--pretrained", "none", "--expdir", "e"], ["e/finetune_scratch"], None),
        (["--pretrained", "my/asda.pt"], ["exp/finetune_asda"], "my/asda.pt"),
        (
            ["--pretrained", "exp/pretrain_wide/model.pt"],
            ["exp/finetune_wide"],
            "exp/pretrain_wide/model.pt",
        ),
    ],
)
def test_experiments_are_named_after_what_differs(recipe, options, expected, init):
    assert experiments(*options) == (expected, init)


def test_a_published_model_is_fetched_before_anything_else(recipe):
    """Its name stays in the call: the cache knows the file."""
    options = ("--stage", "2", "--stop-stage", "4", "--pretrained", "eat-base")
    done, calls = run(*options)
    assert done.returncode == 0, done.stderr
    assert calls[0] == "asda models fetch eat-base"
    assert "--exp exp/finetune_eat-base " in calls[-1] and calls[-1].endswith("--init eat-base")
    assert not any(call.startswith("asda pretrain") for call in calls)


def test_a_model_that_cannot_be_fetched_stops_the_recipe(recipe, monkeypatch):
    monkeypatch.setenv("FAILS", "models")
    done, calls = run("--pretrained", "eat-base")
    assert (done.returncode, done.stderr) == (1, "asda models: error: it failed\n")
    assert calls == ["asda models fetch eat-base"]


def test_a_file_takes_precedence_over_a_published_model_of_its_name(recipe):
    Path("eat-base").touch()
    done, calls = run("--stage", "4", "--stop-stage", "4", "--pretrained", "eat-base")
    assert done.returncode == 0, done.stderr
    assert [call.split()[1] for call in calls] == ["finetune"]


def settings(config, above=()):
    """Return the names of all settings of a configuration class, such as model.width."""
    names = []
    for name, hint in get_type_hints(config).items():
        section = next((h for h in (hint, *get_args(hint)) if is_dataclass(h)), None)
        path = (*above, name)
        names += settings(section, path) if section else [".".join(path)]
    return names


def tag_of(args):
    """Return the automatic tag of --finetune-args."""
    written, _ = experiments("--pretrained", "none", "--finetune-args", args)
    return written[0].removeprefix("exp/finetune_scratch_")


@pytest.mark.parametrize("config", [PretrainConfig, FinetuneConfig])
def test_settings_have_tags_of_their_own(repository, config):
    """The tag of a setting is the last part of its name, as no other setting has it."""
    function = (repository / "utils/experiment_names.sh").read_text()
    names = settings(config)
    calls = "".join(f"default_tag x conf/x.yaml '--{name} 1'\n" for name in names)
    done = subprocess.run(["bash", "-c", function + calls], capture_output=True, text=True)
    tags = dict(zip(names, done.stdout.split(), strict=True))
    assert len(set(tags.values())) == len(tags) > 80
    assert (tags["model.width"], tags["model.decoder.width"]) == ("width1", "decoder.width1")


def test_long_and_strange_values_are_told_apart_by_a_checksum(recipe):
    same = "--model.patch {time:16}", "--model.patch  {time:16}"
    other = "--model.patch [time:16]", "--model.patch time:1 6"
    tags = [tag_of(args) for args in (*same, *other)]
    assert tags[0] == tags[1]
    assert len(set(tags)) == 3
    assert all(re.fullmatch(r"patchtime16_[0-9a-f]{8}", tag) for tag in tags)
    long = [" ".join(f"--augment.gain{n} {last}" for n in range(20)) for last in "12"]
    tags = [tag_of(args) for args in long]
    assert len(set(tags)) == 2 and all(len(tag) < 62 for tag in tags)


def test_extra_arguments_come_last_and_win(recipe):
    _, (call,) = run("--stage", "3", "--stop-stage", "3", "--pretrain-args", "--optimizer.lr 1e-3")
    assert call.endswith(" --training.device auto --optimizer.lr 1e-3")


def test_devices(recipe):
    only = ["--stage", "3", "--stop-stage", "3"]
    assert run(*only, "--ngpu", "0")[1][-1].endswith("--training.device cpu")
    assert run(*only, "--ngpu", "2")[1][-1].startswith(
        "torchrun --standalone --nproc_per_node 2 -m asda pretrain --config conf/pretrain.yaml "
    )


def test_sets(recipe):
    options = ["--pretrain-set", "all", "--train-set", "few", "--test-sets", "a b/c"]
    _, calls = run("--stage", "3", *options)
    assert "--train data/all " in calls[0]
    assert "--train data/few " in calls[1]
    assert "--data data/a --out exp/finetune/score_a " in calls[2]
    assert "--data data/b/c --out exp/finetune/score_b_c " in calls[3]


def test_lists_are_divided_by_any_white_space(recipe):
    (recipe / "downloads").mkdir()
    for fold in "12":
        (recipe / f"data/fold{fold}/b/utt2label").touch()
    options = ["--test-sets", "\n a\n\tb ", "--folds", "1\n2", "--local-data-opts", "--form\n v1"]
    options += ["--local-download-opts", "--url\tu"]
    options += ["--pretrain-args", "--optimizer.lr 1e-3\n--model.num_masks 4"]
    _, calls = run(*options)
    assert calls[:2] == ["download.sh --url u downloads", "data.sh --form v1 downloads data"]
    assert calls[2].endswith(" data/fold1/a data/fold1/b data/fold2/a data/fold2/b")
    tag = "lr1e-3_num_masks4"
    assert f"--exp exp/fold1/pretrain_{tag} " in calls[3]
    assert calls[3].endswith(" --training.device auto --optimizer.lr 1e-3 --model.num_masks 4")
    assert score_folders(calls) == [
        f"exp/fold{fold}/finetune_{tag}/score_{name}" for fold in "12" for name in "ab"
    ]


def test_options_of_the_local_scripts(recipe):
    (recipe / "downloads").mkdir()
    options = ["--local-data-opts", "--form v1 --all true", "--datadir", "my/data"]
    options += ["--local-download-opts", "--url u --sum 1"]
    _, calls = run("--stop-stage", "data", *options)
    assert calls == [
        "download.sh --url u --sum 1 downloads",
        "data.sh --form v1 --all true downloads my/data",
    ]


FOLDS = ["--stage", "3", "--datadir", "data/small", "--valid-set", ""]


def fold_calls(number):
    """Return the calls of stages 3 to 5 in one fold."""
    sets, exp = f"data/small/fold{number}", f"exp/fold{number}"
    train = f"--train {sets}/train --fbank conf/fbank.yaml --data.max_bad=0.05"
    return [
        f"asda pretrain --config conf/pretrain.yaml {train} --exp {exp}/pretrain"
        " --training.device auto",
        f"asda finetune --config conf/finetune.yaml {train} --exp {exp}/finetune"
        f" --training.device auto --init {exp}/pretrain/model.pt",
        f"asda score --model {exp}/finetune/model.pt --data {sets}/test"
        f" --out {exp}/finetune/score --fbank conf/fbank.yaml --max_bad=0.05 --device auto",
    ]


def test_folds_run_one_after_the_other_and_are_merged(recipe):
    done, calls = run(*FOLDS, "--folds", "1 b")
    assert done.returncode == 0, done.stderr
    assert calls == [
        *fold_calls("1"),
        *fold_calls("b"),
        "asda results merge exp/fold1/finetune/score exp/foldb/finetune/score"
        " --out exp/finetune/score",
        "asda results list exp",
    ]
    assert "stage 4 (finetune) of fold b" in done.stdout


def test_folds_are_those_that_stage_1_wrote(recipe):
    (recipe / "data/small/folds").write_text("1\n2\n3\n")
    assert [call.split()[1] for call in run(*FOLDS)[1]] == [
        *["pretrain", "finetune", "score"] * 3,
        *["results", "results"],
    ]


def test_folds_do_not_take_the_place_of_an_experiment_without(recipe):
    for folder in ("exp/finetune", "exp/fold1/finetune", "exp/fold2/finetune"):
        (recipe / folder).mkdir(parents=True)
        (recipe / folder / "model.pt").touch()
    done, calls = run(*FOLDS, "--folds", "1 2", "--stage", "score")
    assert done.returncode == 1
    assert "exp/finetune was trained without folds; choose another --finetune-tag" in done.stderr
    assert not any("merge" in call for call in calls)


def test_files_of_stages_that_are_not_run_may_be_absent(recipe):
    (recipe / "downloads").mkdir()
    options = ["--pretrained", "a.pt", "--finetune-config", "a.yaml", "--pretrain-config", "a.yaml"]
    assert run(*options, "--stop-stage", "dump")[0].returncode == 0
    (recipe / "exp/finetune_a").mkdir()
    (recipe / "exp/finetune_a/model.pt").touch()
    assert run(*options, "--finetune-tag", "a", "--stage", "score")[0].returncode == 0


def test_one_fold_alone_is_not_merged(recipe):
    assert run(*FOLDS, "--folds", "2")[1] == [*fold_calls("2"), "asda results list exp"]


def test_folds_that_start_from_one_model(recipe):
    _, calls = run(*FOLDS, "--folds", "1 2", "--pretrained", "my/asda.pt")
    trained = [call for call in calls if call.startswith("asda finetune")]
    assert [call.split("--exp ")[1].split()[0] for call in trained] == [
        "exp/fold1/finetune_asda",
        "exp/fold2/finetune_asda",
    ]
    assert all(call.endswith("--init my/asda.pt") for call in trained)


@pytest.fixture
def scored(recipe):
    """A recipe whose two folds have been scored."""
    for fold in "12":
        for place in (recipe / f"data/small/fold{fold}/test", recipe / f"exp/fold{fold}/finetune"):
            place.mkdir(parents=True, exist_ok=True)
        (recipe / f"data/small/fold{fold}/test/wav.scp").write_text("a a.wav\n")
        (recipe / f"exp/fold{fold}/finetune/model.pt").write_text("weights")
    assert scores() == ["exp/fold1/finetune/score", "exp/fold2/finetune/score"]
    return recipe


def scores(*options, fails=False):
    """Run stage 5 on two folds, which merges them at the end; return the folders it scored."""
    Path(os.environ["CALLS"]).unlink(missing_ok=True)
    same = ["--folds", "1 2", "--stage", "score", "--baseline", "false"]
    done, calls = run(*FOLDS, *same, *options)
    assert done.returncode == fails, done.stderr
    made = score_folders(calls)
    if not fails:
        assert calls[-2].startswith("asda results merge exp/fold1/finetune/score")
        assert len(made) + done.stdout.count("/finetune/score is up to date") == 2
    return made


def score_folders(calls):
    return [call.split("--out ")[1].split()[0] for call in calls if call.startswith("asda score")]


def test_what_has_been_scored_is_not_scored_again(scored):
    assert scores() == []
    tables = scored / "data/small/fold2/test"
    (tables / "wav.scp").write_text("a a.wav\n")  # as stage 1 does when it is repeated
    (tables / ".backup").mkdir()
    assert scores() == []


@pytest.mark.parametrize("file", ["data/small/fold2/test/wav.scp", "exp/fold2/finetune/model.pt"])
def test_another_model_or_test_set_is_scored_again(scored, file):
    before = (scored / file).stat()
    (scored / file).write_text("other"[: before.st_size])
    os.utime(scored / file, ns=(before.st_atime_ns, before.st_mtime_ns))  # restored from a backup
    assert scores() == ["exp/fold2/finetune/score"]
    assert scores() == []


def test_other_features_and_new_tables_are_scored_again(scored):
    both = ["exp/fold1/finetune/score", "exp/fold2/finetune/score"]
    assert scores("--feats-type", "fbank", "--dumpdir", "other") == both
    assert scores("--feats-type", "fbank", "--dumpdir", "other") == []
    (scored / "data/small/fold1/test/segments").write_text("a a 0 1\n")
    assert scores("--feats-type", "fbank", "--dumpdir", "other") == both[:1]


def test_features_that_were_dumped_anew_are_scored_again(scored):
    both = ["exp/fold1/finetune/score", "exp/fold2/finetune/score"]
    dumped = ("--feats-type", "fbank", "--dumpdir", "other")
    moments = scored / "other/fbank/utt2moments"
    moments.parent.mkdir(parents=True)
    for fold in "12":
        (scored / f"data/small/fold{fold}/test/utt2spk").write_text("a a\n")
    moments.write_text("a 10 1 1\n")
    assert scores(*dumped) == both
    moments.write_text("a 10 1 1\nof_another_recipe 10 1 1\n")
    assert scores(*dumped) == []
    moments.write_text("a 10 1 2\nof_another_recipe 10 1 1\n")
    assert scores(*dumped) == both


def test_another_configuration_of_the_features_is_scored_again(scored):
    (scored / "conf").mkdir(exist_ok=True)
    (scored / "conf/fbank.yaml").write_text("low_freq: 50\n")
    assert scores() == ["exp/fold1/finetune/score", "exp/fold2/finetune/score"]


def test_a_fold_scored_anew_takes_the_older_merged_result_away(scored):
    merged = scored / "exp/finetune/score/result.json"
    merged.parent.mkdir(parents=True)
    merged.write_text("{}")
    run(*FOLDS, "--folds", "1", "--stage", "score")
    assert merged.exists()
    (scored / "exp/fold1/finetune/model.pt").write_text("other")
    run(*FOLDS, "--folds", "1", "--stage", "score")
    assert not merged.parent.exists()


def test_a_score_of_something_else_is_replaced(scored):
    """`asda score` by hand into the same folder leaves another result.json."""
    subprocess.run(["asda", "score", "--model", "x", "--out", "exp/fold1/finetune/score"])
    assert scores() == ["exp/fold1/finetune/score"]
    assert scores() == []


def test_a_score_that_was_stopped_or_deleted_is_made_again(scored, monkeypatch):
    (scored / "exp/fold1/finetune/score/result.json").unlink()
    assert scores() == ["exp/fold1/finetune/score"]
    (scored / "exp/fold2/finetune/model.pt").write_text("other")
    monkeypatch.setenv("FAILS", "score")
    assert scores(fails=True) == ["exp/fold2/finetune/score"]
    monkeypatch.delenv("FAILS")
    (scored / "exp/fold2/finetune/model.pt").write_text("weights")  # what was scored at first
    assert scores() == ["exp/fold2/finetune/score"]


BASELINE = ["--feats-type", "fbank", "--stage", "score"]


@pytest.fixture
def dumped(recipe):
    """A recipe with features and a trained classifier."""
    for name in ("dump/fbank/feats.scp", "data/test/wav.scp", "data/train/utt2label"):
        (recipe / name).parent.mkdir(parents=True, exist_ok=True)
        (recipe / name).write_text("a a\n")
    (recipe / "exp/finetune").mkdir()
    (recipe / "exp/finetune/model.pt").touch()
    return recipe


def baselines(*options):
    """Run stage 5 and return the process, and the calls of asda baseline."""
    Path(os.environ["CALLS"]).unlink(missing_ok=True)
    done, calls = run(*BASELINE, *options)
    return done, [call for call in calls if call.startswith("asda baseline")]


def test_stage_5_trains_the_baselines_once(dumped):
    done, calls = baselines()
    assert done.returncode == 0, done.stderr
    assert calls == [
        "asda baseline --train data/train --test data/test --valid data/valid"
        " --out exp/baseline_train --dump dump/fbank --limit 10000"
    ]
    done, calls = baselines()
    assert calls == [] and "exp/baseline_train is up to date" in done.stdout
    (dumped / "data/train/utt2label").write_text("a b\n")
    assert len(baselines()[1]) == 1
    assert baselines("--baseline", "false")[1] == []


def test_each_test_set_and_training_set_has_its_baselines(dumped):
    _, calls = baselines("--test-sets", "a b/c", "--train-set", "few", "--valid-set", "")
    outs = [re.search(r"--test (\S+) --out (\S+)", call).groups() for call in calls]
    assert outs == [
        ("data/a", "exp/baseline_few_a"),
        ("data/b/c", "exp/baseline_few_b_c"),
    ]


def test_the_baselines_of_folds_are_merged(dumped):
    for fold in "12":
        (dumped / f"exp/fold{fold}/finetune").mkdir(parents=True)
        (dumped / f"exp/fold{fold}/finetune/model.pt").touch()
    (dumped / "exp/finetune/model.pt").unlink()
    done, calls = run(*BASELINE, "--folds", "1 2")
    assert done.returncode == 0, done.stderr
    merged = [call.split("--out ")[1] for call in calls if "results merge" in call]
    names = ("logistic_regression", "random_forest")
    folders = [f"exp/baseline_train/{name}/score" for name in names]
    assert merged == ["exp/finetune/score", *folders]
    train = "--train data/fold2/train --test data/fold2/test --valid data/fold2/valid"
    assert f"asda baseline {train} --out exp/fold2/baseline_train" in "\n".join(calls)


def test_baselines_that_fail_do_not_stop_the_recipe(dumped, monkeypatch):
    monkeypatch.setenv("FAILS", "baseline")
    done, _ = baselines()
    assert done.returncode == 0
    assert "asda baseline: error: it failed" in done.stderr
    assert "the baselines in exp/baseline_train failed" in done.stdout


@pytest.mark.parametrize(
    ("options", "missing", "message"),
    [
        (["--stage", "dump"], "data/test", "no 'data/test' in {}; run --stage data"),
        (["--stage", "pretrain"], "data/train", "no 'data/train' in {}; run --stage data"),
        (["--stage", "pretrain"], "dump", "no 'dump/fbank/feats.scp' in {}; run --stage dump"),
        (["--stage", "finetune"], "dump", "no 'dump/fbank/feats.scp' in {}; run --stage dump"),
        (
            ["--stage", "finetune"],
            "",
            "no 'exp/pretrain/model.pt' in {}; run --stage pretrain, or give --pretrained MODEL"
            " (none = from scratch)",
        ),
        (["--stage", "score"], "exp", "no 'exp/finetune/model.pt' in {}; run --stage finetune"),
    ],
)
def test_a_missing_earlier_stage_is_named(dumped, options, missing, message):
    if missing:
        shutil.rmtree(missing)
    done, calls = run("--feats-type", "fbank", *options)
    assert done.returncode == 1
    assert message.format(os.getcwd()) in done.stderr
    assert calls == []


def test_scores_of_which_a_file_is_missing_are_made_again(scored):
    (scored / "exp/fold1/finetune/score/RESULTS.md").unlink()
    assert scores() == ["exp/fold1/finetune/score"]
    assert scores() == []


def test_only_interrupted_calls_are_told_to_be_repeated(recipe, monkeypatch):
    monkeypatch.setenv("FAILS", "pretrain")
    for status, expected in (("1", False), ("130", True)):
        monkeypatch.setenv("STATUS", status)
        done, _ = run("--stage", "3")
        assert done.returncode == int(status)
        assert ("stopped in stage 3 (pretrain); repeat the call" in done.stderr) == expected


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("to_all", [True, False])
def test_a_signal_ends_the_stage_and_is_told(recipe, tmp_path, number, to_all):
    """A signal to the script alone does not leave the training behind."""
    if not to_all and number == signal.SIGINT:
        pytest.skip("bash waits for its child: Ctrl-C always reaches both")
    asda = tmp_path / "bin/asda"
    asda.write_text(f"#!/bin/sh\ntouch {tmp_path}/begun\nexec sleep 60\n")
    command = [
        "utils/asda.sh",
        "--train-set",
        "train",
        "--test-sets",
        "test",
        "--feats-type",
        "raw",
    ]
    with subprocess.Popen(
        [*command, "--stage", "3"], stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        while not (tmp_path / "begun").exists():
            time.sleep(0.01)
        time.sleep(0.2)
        (os.killpg if to_all else os.kill)(process.pid, number)
        said = process.communicate(timeout=30)[1]  # until the child has closed it, too
    assert process.returncode == -number
    assert "stopped in stage 3 (pretrain); repeat the call to resume" in said


def test_a_failing_stage_stops_the_recipe(recipe, monkeypatch):
    monkeypatch.setenv("FAILS", "pretrain")
    done, calls = run("--stage", "3")
    assert done.returncode == 1
    assert len(calls) == 1
    assert "asda pretrain: error: it failed" in done.stderr
    assert "stopped in stage 3 (pretrain)" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["extra"], "unexpected argument 'extra'"),
        (["--stage", "dmup"], "unknown stage 'dmup'; stages are 0 to 7 or download data dump"),
        (
            ["--tag-format", "xml"],
            "--tag-format must be one of jsonl csv audacity raven, not 'xml'",
        ),
        (["--stage", "tag", "--tag-sets", "x"], "--tag-sets: no 'data/x' and no 'x' in "),
        (["--stage", "score", "--stop-stage", "dump"], "--stage 5 is after --stop-stage 2"),
        (["--ngpu", "all"], "--ngpu must be a number of GPUs, not 'all'"),
        (["--feats-type", "mfcc"], "--feats-type must be fbank or raw, not 'mfcc'"),
        (["--test-sets", ""], "--train-set and --test-sets are required"),
        (["--stage", "08"], "unknown stage '08'"),
        (["--word", "x"], "unknown option --word"),
        (["--config", "my.conf"], "--config is not supported: write options into run.sh"),
        (["--config=my.conf"], "--config=my.conf is not supported"),
        (["--pretrained", "a.pt"], "--pretrained: no file 'a.pt'"),
        (["--pretrained", "a.pt", "--stop-stage", "pretrain"], "--pretrained: no file 'a.pt'"),
        (["--pretrain-config", "a.yaml"], "--pretrain-config: no file 'a.yaml'"),
        (["--finetune-config", "a.yaml"], "--finetune-config: no file 'a.yaml'"),
        (["--finetune-tag", 201 * "a"], "name too long, give --finetune-tag"),
        (["--pretrain-tag", 201 * "a"], "name too long, give --pretrain-tag"),
        (["--baseline", "yes"], "option --baseline takes true or false, not 'yes'"),
        (["--db-dir", "nowhere"], "correct --db-dir"),
        (["--stage", "1", "--db-dir", "nowhere"], "correct --db-dir"),
        (["--stage", "1"], "no folder 'downloads'"),
    ],
)
def test_what_makes_no_sense_is_refused(recipe, options, message):
    done, calls = run(*options)
    assert done.returncode == 1
    assert message in done.stderr
    assert calls == []


def test_features_from_audio_tolerate_as_many_bad_utterances_as_a_dump(recipe):
    calls = run("--stage", "4", "--pretrained", "none", "--max-bad", "0.2")[1]
    assert " --fbank conf/fbank.yaml --data.max_bad=0.2 --exp " in calls[0]
    assert " --fbank conf/fbank.yaml --max_bad=0.2 --device " in calls[1]
    (recipe / "dump/fbank").mkdir(parents=True)
    (recipe / "dump/fbank/feats.scp").touch()
    options = ["--feats-type", "fbank", "--stage", "4", "--pretrained", "none"]
    done, calls = run(*options, "--max-bad", "0.2")
    assert done.returncode == 0, done.stderr
    dumped = [call for call in calls if "--dump" in call]
    assert len(dumped) == 3 and not any("max_bad" in call for call in dumped)


@pytest.fixture
def trained(recipe):
    """A recipe with a trained classifier, and a folder of audio."""
    for fold in ("", "fold1/", "fold2/"):
        (recipe / f"exp/{fold}finetune").mkdir(parents=True)
        (recipe / f"exp/{fold}finetune/model.pt").write_text("weights")
    (recipe / "my/new").mkdir()
    return recipe


def used(*options, status=0):
    """Run stages 6 and 7; return what is said and the calls."""
    Path(os.environ["CALLS"]).unlink(missing_ok=True)
    done, calls = run("--stage", "tag", "--stop-stage", "export", *options)
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr, calls


def test_stage_6_labels_audio_with_thresholds_of_the_validation_set(trained):
    said, calls = used("--tag-sets", "few\nmy/new/", "--tag-args", "--window 2 --hop 1")
    end = "--device auto --threshold exp/finetune/valid_score/thresholds.tsv --window 2 --hop 1"
    assert calls == [
        "asda score --model exp/finetune/model.pt --data data/valid"
        " --out exp/finetune/valid_score --fbank conf/fbank.yaml --max_bad=0.05 --device auto",
        "asda tag exp/finetune/model.pt data/few --format jsonl"
        f" --out exp/finetune/tag_few/tags.jsonl {end}",
        "asda tag exp/finetune/model.pt my/new/ --format jsonl"
        f" --out exp/finetune/tag_my_new/tags.jsonl {end}",
    ]
    assert "skipped: --export-formats names no format" in said
    said, calls = used("--tag-sets", "few")
    assert "exp/finetune/valid_score is up to date" in said
    assert [call.split()[1] for call in calls] == ["tag"]  # which skips labelled files itself


@pytest.mark.parametrize(
    ("options", "end"),
    [
        (["--valid-set", ""], " --device auto"),
        (["--tag-args", "--threshold 0.3"], " --device auto --threshold 0.3"),
        (["--tag-args=--threshold=t.tsv", "--ngpu", "0"], " --device cpu --threshold=t.tsv"),
    ],
)
def test_thresholds_are_not_learned_if_they_are_given_or_without_validation_set(
    trained, options, end
):
    (call,) = used("--tag-sets", "few", *options)[1]
    assert call.endswith(f" --out exp/finetune/tag_few/tags.jsonl{end}")


@pytest.mark.parametrize(
    ("form", "out"), [("csv", "tags.csv"), ("audacity", "audacity"), ("raven", "raven")]
)
def test_labels_in_other_formats(trained, form, out):
    (call,) = used("--tag-sets", "few", "--tag-format", form, "--valid-set", "")[1]
    assert f" --format {form} --out exp/finetune/tag_few/{out} " in call


def test_bad_files_keep_neither_other_sets_from_labels_nor_are_they_forgotten(trained, monkeypatch):
    monkeypatch.setenv("FAILS", "tag")
    formats = ["--export-formats", "onnx"]
    said, calls = used("--tag-sets", "few all", "--valid-set", "", *formats, status=1)
    assert [call.split()[1] for call in calls] == ["tag", "tag"]
    assert "some audio of few all could not be labelled, see above" in said
    monkeypatch.setenv("STATUS", "130")
    assert len(used("--tag-sets", "few all", "--valid-set", "", status=130)[1]) == 1


def test_stage_7_writes_each_format_once(trained):
    formats = ["--export-formats", "onnx huggingface reference torch-export"]
    said, calls = used(*formats)
    assert "skipped: --tag-sets names no audio" in said
    outs = {
        "onnx": "model.onnx",
        "huggingface": "model",
        "reference": "model.pt",
        "torch-export": "model.pt2",
    }
    assert calls == [
        f"asda export exp/finetune/model.pt exp/finetune/export_{name}/{out} --format {name}"
        for name, out in outs.items()
    ]
    said, calls = used(*formats)
    assert calls == []
    assert "exp/finetune/export_onnx is up to date; remove it to export again" in said
    (trained / "exp/finetune/export_onnx/model.onnx").unlink()
    assert len(used(*formats)[1]) == 1
    (trained / "exp/finetune/model.pt").write_text("other")
    assert len(used(*formats)[1]) == 4


def test_a_folder_that_was_exported_is_replaced(trained):
    old = trained / "exp/finetune/export_huggingface/model/config.json"
    old.parent.mkdir(parents=True)
    old.touch()
    used("--export-formats", "huggingface")
    assert not old.exists() and old.parent.is_file()  # as the stand-in writes it


def test_stages_6_and_7_use_the_model_of_one_fold(trained):
    both = ["--tag-sets", "few", "--export-formats", "onnx"]
    said, calls = used("--folds", "2", *both)
    assert "stage 6 (tag) of fold 2" in said
    assert "--data data/fold2/valid --out exp/fold2/finetune/valid_score " in calls[0]
    assert "tag exp/fold2/finetune/model.pt data/few " in calls[1]
    assert "export exp/fold2/finetune/model.pt exp/fold2/finetune/export_onnx/" in calls[2]
    for stage, options in ((6, both[:2]), (7, both[2:])):
        said, calls = used("--folds", "1 2", *options, status=1)
        assert f"stage {stage} (" in said and "choose with --folds N" in said
        assert calls == []
    said, calls = used("--folds", "1 2")
    assert said.count("skipped: ") == 2 and calls == []


@pytest.mark.parametrize(
    ("stage", "expected"), [("tag", ["score", "tag"]), ("export", ["export"]), ("score", [])]
)
def test_a_later_first_stage_is_also_the_last(trained, stage, expected):
    """Stages 6 and 7 run only if they are asked for."""
    options = ["--stage", stage, "--tag-sets", "few", "--export-formats", "onnx"]
    _, calls = run(*options)
    verbs = [call.split()[1] for call in calls]
    assert verbs == (expected or ["score", "results"])


@pytest.mark.parametrize("options", [["--tag-sets", "few"], ["--export-formats", "onnx"]])
def test_stages_6_and_7_need_a_classifier(recipe, options):
    said, calls = used(*options, status=1)
    assert "no 'exp/finetune/model.pt' in" in said and "run --stage finetune" in said
    assert calls == []


@pytest.fixture
def slurm(recipe, tmp_path, monkeypatch):
    """Programs of Slurm: sbatch notes its options in a file and runs the job at once."""
    programs = {
        "sbatch": f'echo "$*" >> {tmp_path}/sbatch.calls; export SLURM_ARRAY_TASK_ID=0;'
        'bash "${@: -1}" >&2; echo job 1',
        "srun": 'while [[ $1 == --* ]]; do shift; done; SLURM_NNODES=1 "$@"',
        "squeue": "true",
        "scancel": "true",
    }
    for name, script in programs.items():
        (tmp_path / f"bin/{name}").write_text(f"#!/usr/bin/env bash\n{script}\n")
        (tmp_path / f"bin/{name}").chmod(0o755)
    monkeypatch.setenv("cmd_backend", "slurm")
    return tmp_path / "sbatch.calls"


def test_training_jobs_ask_for_what_their_processes_need(recipe, slurm):
    (recipe / "conf/pretrain.yaml").write_text("data:\n  workers: 3 # of each process\n")
    only = ["--stage", "3", "--stop-stage", "3"]
    done, calls = run(*only, "--ngpu", "2", "--chain", "2")
    assert done.returncode == 0, done.stderr
    first, second = slurm.read_text().splitlines()
    assert "--gres=gpu:2 --cpus-per-task 8 --mem 22G --nodes=1 " in first
    assert "--dependency=afterany:1" in second
    assert calls[0].startswith("torchrun --standalone --nproc_per_node=2 -m asda pretrain ")

    words = ["--pretrain-args", "--data.workers 0", "--mem-per-gpu", "5", "--expdir", "other"]
    assert run(*only, *words)[0].returncode == 0
    assert "--gres=gpu:1 --cpus-per-task 1 --mem 5G " in slurm.read_text().splitlines()[-1]


def test_a_training_on_grid_engine_asks_for_what_its_processes_need(recipe, tmp_path, monkeypatch):
    programs = {
        "qsub": f'echo "$*" >> {tmp_path}/qsub.calls; SGE_TASK_ID=undefined bash "${{@: -1}}" >&2;'
        "echo 1",
        "qstat": "echo '<job_info/>'",
        "qdel": "true",
    }
    for name, script in programs.items():
        (tmp_path / f"bin/{name}").write_text(f"#!/usr/bin/env bash\n{script}\n")
        (tmp_path / f"bin/{name}").chmod(0o755)
    monkeypatch.setenv("cmd_backend", "sge")
    (recipe / "conf/pretrain.yaml").write_text("data:\n  workers: 3\n")
    done, calls = run("--stage", "3", "--stop-stage", "3", "--ngpu", "2")
    assert done.returncode == 0, done.stderr
    call = (tmp_path / "qsub.calls").read_text()
    assert "-l gpu=2 -pe smp 8 -l mem_free=22G,ram_free=22G " in call
    assert calls[0].startswith("torchrun --standalone --nproc_per_node 2 -m asda pretrain ")


def test_several_nodes_and_chains_are_for_slurm(recipe):
    for option in ("--num-nodes", "--chain"):
        done, calls = run("--stage", "3", option, "2")
        assert (done.returncode, calls) == (1, [])
        assert f"{option} 2 needs cmd_backend=slurm (cmd.sh), not local" in done.stderr


def test_jobs_get_words_with_special_characters_unchanged(recipe, slurm):
    expdir = "JOB/cost$5 *"
    options = ("--stage", "3", "--stop-stage", "3", "--expdir", expdir)
    done, calls = run(*options, "--pretrain-tag", "x'y", "--pretrain-args", "--data.x 'y")
    assert done.returncode == 0, done.stderr
    assert f"--exp {expdir}/pretrain_x'y --training.device auto --data.x 'y" in calls[0]
    assert (recipe / expdir / "pretrain_x'y/job.log").exists()


@pytest.fixture
def transcribed(recipe):
    """The recipe with transcripts in all its data directories."""
    for path in recipe.glob("data/**/utt2label"):
        path.rename(path.with_name("text"))
    return recipe


def recognition(*options):
    done, calls = run("--task", "recognition", "--pretrained", "none", *options)
    assert done.returncode == 0, done.stderr
    return [call for call in calls if call.split()[1] not in ("data", "results", "downloads")]


def test_recognition_trains_units_in_stage_2_and_a_ctc_model_in_stage_4(transcribed):
    calls = recognition("--stage", "2")
    data = "--train data/train --valid data/valid --fbank conf/fbank.yaml --data.max_bad=0.05"
    assert calls == [
        "asda units --config conf/units.yaml --text data/train --out dump/units_train",
        f"asda finetune-ctc --config conf/ctc.yaml {data} --exp exp/ctc_scratch"
        " --training.device auto --units dump/units_train",
        "asda score --model exp/ctc_scratch/model.pt --data data/test --out exp/ctc_scratch/score"
        " --fbank conf/fbank.yaml --max_bad=0.05 --device auto",
    ]


def test_other_units_have_another_folder_and_other_experiments(transcribed):
    (transcribed / "data/all/text").touch()
    options = ["--units-config", "conf/units_bpe.yaml", "--units-args", "--size 300"]
    units, training, _ = recognition("--stage", "2", *options, "--units-set", "all")
    folder = "dump/units_all_bpe_size300"
    assert units == (
        f"asda units --config conf/units_bpe.yaml --text data/all --out {folder} --size 300"
    )
    assert "--exp exp/ctc_scratch_bpe_size300 " in training
    assert training.endswith(f"--units {folder}")


def test_an_ngram_is_estimated_once_and_used_in_decoding(transcribed):
    calls = recognition("--stage", "2", "--ngram-order", "3", "--decode-args", "--decoding.beam 8")
    file = "dump/units_train/3gram.arpa"
    texts = "--text data/train --units dump/units_train"
    assert calls[1] == f"asda ngram {texts} --of units --order 3 --out {file}"
    assert "--out exp/ctc_scratch/score_3gram_beam8 " in calls[-1]
    assert calls[-1].endswith(
        f" --decoding.method beam --decoding.lm {file} --decoding.lm_of units --decoding.beam 8"
    )


def test_scoring_again_with_an_ngram_makes_it_only_if_it_is_missing(transcribed):
    before = len(recognition("--stage", "2"))
    options = ["--stage", "5", "--ngram-order", "3"]
    file = transcribed / "dump/units_train/3gram.arpa"
    calls = recognition(*options)[before:]
    assert [call.split()[1] for call in calls] == ["ngram", "score"]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    calls = recognition(*options, "--decode-args", "--decoding.beam 8")[before + 2 :]
    assert [call.split()[1] for call in calls] == ["score"]


@pytest.mark.parametrize("option", ["--decoding.lm words.arpa", "--decoding.lm=words.arpa"])
def test_another_ngram_under_the_same_name_is_scored_again(transcribed, option):
    recognition("--stage", "2", "--stop-stage", "4")
    options = ["--stage", "5", "--decode-args", f"--decoding.method beam {option}"]
    scored = []
    for content in ("one", "one", "another"):
        (transcribed / "words.arpa").write_text(content)
        calls = recognition(*options)
        scored.append(sum(call.split()[1] == "score" for call in calls))
    assert scored == [1, 1, 2]


def test_labels_or_texts_are_missed_before_hours_of_pretraining(transcribed):
    done, calls = run("--stage", "2")
    assert (done.returncode, calls) == (1, [])
    said = "data/train has no utt2label but text: give --task recognition"
    assert done.stderr.splitlines()[0] == f"asda.sh: error: {said}"
    (transcribed / "data/test/text").unlink()
    done, calls = run("--stage", "2", "--task", "recognition")
    assert (done.returncode, calls) == (1, [])
    said = "data/test has no text, which --task recognition needs; run --stage data"
    assert done.stderr.splitlines()[0] == f"asda.sh: error: {said}"
    assert run("--stage", "2", "--stop-stage", "3")[0].returncode == 0  # labels are not needed


@pytest.mark.parametrize(
    ("form", "out"), [("srt", "srt"), ("ctm", "transcripts.ctm"), ("jsonl", "transcripts.jsonl")]
)
def test_stage_6_transcribes(transcribed, form, out):
    options = ["--tag-sets", "few", "--tag-format", form, "--tag-args", "--pause 1"]
    calls = recognition("--stop-stage", "6", *options, "--ngram-order", "2", "--stage", "2")
    assert calls[-1] == (
        "asda transcribe exp/ctc_scratch/model.pt data/few"
        f" --format {form} --out exp/ctc_scratch/transcribe_few_2gram/{out} --device auto"
        " --method beam --lm dump/units_train/2gram.arpa --lm_of units --pause 1"
    )


def test_each_fold_has_its_units(transcribed):
    calls = recognition("--stage", "2", "--folds", "1 2")
    assert [call for call in calls if " units " in call] == [
        "asda units --config conf/units.yaml --text data/fold1/train --out dump/units_fold1_train",
        "asda units --config conf/units.yaml --text data/fold2/train --out dump/units_fold2_train",
    ]
    trained = [call for call in calls if " finetune-ctc " in call]
    assert [call.rsplit(" ", 1)[1] for call in trained] == [
        "dump/units_fold1_train",
        "dump/units_fold2_train",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--task", "diarisation"], "--task must be classification or recognition"),
        (["--task", "recognition", "--tag-format", "raven"], "one of jsonl srt vtt ctm text trn"),
        (["--ngram-order", "6"], "--ngram-order must be from 2 to 5, not '6'"),
        (["--task", "recognition", "--units-config", "conf/none.yaml"], "no file 'conf/none.yaml'"),
        (["--task", "recognition", "--stage", "4"], "no 'dump/units_train'"),
        (["--task", "recognition", "--stage", "2", "--units-set", "x"], "no 'data/x/text'"),
    ],
)
def test_recognition_without_what_it_needs(transcribed, options, message):
    done, _ = run("--pretrained", "none", *options)
    assert done.returncode == 1
    assert message in done.stderr


def test_several_corpora_to_pretrain_on(recipe):
    """Sets of the recipe, and of another with its own dump; each experiment has its own name."""
    other = recipe.parent / "other"
    for place in (other / "data/x/all", recipe / "data/b/train", recipe / "data/b/valid"):
        place.mkdir(parents=True)
    (other / "dump/fbank").mkdir(parents=True)
    (other / "dump/fbank/feats.scp").touch()
    only = ("--stage", "3", "--stop-stage", "3", "--feats-type", "fbank")
    with_dumps(recipe)
    corpora = "b/train:0.75\n ../other/data/x/all:.25 a:1:my"
    done, calls = run(*only, "--pretrain-corpora", corpora)
    assert done.returncode == 0, done.stderr
    call = calls[-1]
    assert call.startswith(
        "asda pretrain --config conf/pretrain.yaml --corpora.b_train.train=data/b/train"
        " --corpora.b_train.valid=data/b/valid --corpora.b_train.share=0.75"
        " --corpora.other_x_all.train=../other/data/x/all --corpora.other_x_all.share=.25"
        " --corpora.other_x_all.dump=../other/dump/fbank"
        " --corpora.a.train=data/a --corpora.a.share=1 --corpora.a.dump=my"
        " --dump dump/fbank --exp exp/pretrain_corpora"
    )
    first = call.split("--exp ")[1].split()[0]
    _, calls = run(*only, "--pretrain-corpora", "b/train ../other/data/x/all")
    call = calls[-1]
    assert ".share" not in call
    assert call.split("--exp ")[1].split()[0] not in (first, "exp/pretrain")


def with_dumps(recipe):
    (recipe / "dump/fbank").mkdir(parents=True, exist_ok=True)
    (recipe / "dump/fbank/feats.scp").touch()
    (recipe / "my/feats.scp").touch()


def test_features_of_all_own_corpora_are_dumped(recipe):
    (recipe / "data/b/valid").mkdir()
    (recipe / "data/b/train").mkdir()
    options = ("--stage", "2", "--stop-stage", "2", "--feats-type", "fbank")
    _, calls = run(*options, "--pretrain-corpora", "b/train:1 a:1 ../o/data/x:1")
    (plan,) = [call for call in calls if call.startswith("asda dump plan")]
    own = "data/train data/valid data/test data/b/train data/b/valid data/a"
    assert plan.endswith(f" dump/fbank {own}")


@pytest.mark.parametrize(
    ("corpora", "reason"),
    [
        ("none:1", "--pretrain-corpora: no data directory 'data/none' in "),
        ("../o/data/x:1", "--pretrain-corpora: no data directory '../o/data/x' in "),
        ("a:1 a:2", "--pretrain-corpora: two corpora would be named 'a'"),
        ("a:1:none", "--pretrain-corpora: no dump 'none' in "),
    ],
)
def test_corpora_that_do_not_exist_are_refused(recipe, corpora, reason):
    with_dumps(recipe)
    options = ("--stage", "3", "--stop-stage", "3", "--feats-type", "fbank")
    done, calls = run(*options, "--pretrain-corpora", corpora)
    assert done.returncode == 1
    assert reason in done.stderr
    assert calls == []
