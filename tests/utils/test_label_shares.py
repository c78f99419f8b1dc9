"""utils/label_shares.sh with a recipe that only notes how it is called."""

import subprocess

import pytest

RUN = """\
#!/usr/bin/env bash
echo "run.sh $*" >>calls
set -euo pipefail
while [ $# -gt 0 ]; do
  printf -v "option_${1//-/_}" %s "$2"
  shift 2
done
mkdir -p "$option___expdir${option___folds:+/fold$option___folds}/ctc_$option___finetune_tag/score"
"""
ASDA = """\
#!/usr/bin/env bash
echo "asda $*" >>calls
echo "| a table |"
"""


@pytest.fixture
def recipe(repository, tmp_path):
    (tmp_path / "utils").symlink_to(repository / "utils")
    (tmp_path / "path.sh").write_text("PATH=$PWD:$PWD/utils:$PATH\n")
    (tmp_path / "cmd.sh").write_text("train_cmd=run.pl\n")
    for name, content in {"run.sh": RUN, "asda": ASDA}.items():
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o755)
    return tmp_path


def calls_of(recipe, *options):
    command = ["utils/label_shares.sh", *options]
    done = subprocess.run(command, cwd=recipe, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("| a table |\n")
    calls = (recipe / "calls").read_text().splitlines()
    assert calls[-1].endswith(" --out exp/labels/table.md")
    return calls


def test_both_systems_are_trained_on_each_part_with_each_seed(recipe):
    *runs, plot, table = calls_of(
        recipe,
        "--sets",
        "train few",
        "--seeds",
        "1 2",
        "--updates",
        "90 30",
        "--finetune-args",
        "--optimizer.warmup 2",
        "--run-args",
        "--nj 1",
    )
    assert runs[1] == (
        "run.sh --train-set few --units-set train --dumpdir dump --pretrained none"
        " --expdir exp/labels/seed1/few --finetune-tag scratch --nj 1 --stage finetune"
        " --stop-stage score --finetune-args --training.seed 1 --training.updates 30"
        " --optimizer.warmup 2"
    )
    parts = [[run.split()[index] for index in (2, 8, 10, 12)] for run in runs]
    assert parts == [
        [name, model, f"exp/labels/seed{seed}/{name}", system]
        for name in ("few", "train")
        for seed in (1, 2)
        for model, system in (("exp/pretrain/model.pt", "pretrained"), ("none", "scratch"))
    ]
    systems = (
        "exp/labels/{run}/{column}/ctc_{row}/score"
        " --rows From scratch=scratch Pretrained=pretrained"
        " --columns train=train few=few --runs seed1 seed2"
    )
    assert table == f"asda results table {systems} --out exp/labels/table.md"
    assert plot.startswith(f"asda plot results {systems} --title ")
    assert plot.endswith(" --out exp/labels/table.png")


def test_folds_have_their_own_pretrained_models_and_are_merged(recipe):
    """Those of this call alone, not what other calls have left unfinished."""
    (recipe / "exp/labels/seed4/train/fold1/ctc_scratch").mkdir(parents=True)
    calls = calls_of(recipe, "--sets", "train few/er", "--seeds", "3", "--folds", "1 2")
    models = [call.split()[8] for call in calls if "--finetune-tag pretrained" in call]
    assert models == [f"exp/fold{fold}/pretrain/model.pt" for fold in (1, 2)] * 2
    assert [call.split()[14] for call in calls[:4]] == ["1", "1", "2", "2"]
    merged = [call for call in calls if call.startswith("asda results merge ")]
    assert merged == [
        f"asda results merge {folder}/fold1/{score} {folder}/fold2/{score} --out {folder}/{score}"
        for folder in ("exp/labels/seed3/train", "exp/labels/seed3/few/er")
        for score in ("ctc_pretrained/score", "ctc_scratch/score")
    ]
    assert calls[-1].startswith("asda results table exp/labels/{run}/{column}/ctc_{row}/score ")


def test_folders_with_any_names(recipe):
    folder = "exp/my JOB's $(touch owned) \\| x"
    options = ["--sets", "few", "--seeds", "1", "--expdir", folder, "--dumpdir", "a 'dump"]
    done = subprocess.run(
        ["utils/label_shares.sh", *options, "--finetune-args", "--x it's"],
        cwd=recipe,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    calls = (recipe / "calls").read_text().splitlines()
    assert calls[1] == (
        "run.sh --train-set few --units-set few --dumpdir a 'dump --pretrained none --expdir"
        f" {folder}/seed1/few --finetune-tag scratch --stage finetune --stop-stage score"
        " --finetune-args --training.seed 1  --x it's"
    )
    assert calls[-1].endswith(f" --out {folder}/table.md")
    assert not (recipe / "owned").exists()


def test_numbers_of_updates_that_do_not_fit_the_sets(recipe):
    command = ["utils/label_shares.sh", "--updates", "100 50"]
    done = subprocess.run(command, cwd=recipe, capture_output=True, text=True)
    assert done.returncode == 1
    assert "2 numbers of updates for 3 sets" in done.stderr
