"""egs/joint: data of two other recipes, one model of both, and which models its scripts compare."""

import shutil

import pytest
from probing.tones import tones
from recipes.copies import copy_recipe, run, succeed

from asda.checkpoint.load import read_model
from asda.corpus.datadir import DataDir
from asda.scoring.compare import read_result

pytestmark = pytest.mark.slow

ALL = ("train", "valid", "test")
TINY = "--model.depth 1 --model.width 16 --model.heads 2 --model.decoder.groups 4"
STUB = """#!/usr/bin/env bash
printf '%s|' "${0##*/}" "$@" >> calls
echo >> calls
"""


@pytest.fixture(scope="module")
def recipe(repository, tmp_path_factory):
    """A copy of the recipe beside small data directories of the two others, and its features."""
    root = tmp_path_factory.mktemp("joint")
    recipe = copy_recipe(repository, "joint", root)
    for number, (place, sets) in enumerate(
        (("esc50/data/esc10/fold1", ("train", "test")), ("fsdd/data/unseen/fold1", ALL))
    ):
        for name in sets:
            folder = recipe.parent / place / name
            labels = ["low", "high"] * 4
            tones(folder, labels, seed=number, seconds=((1.2, 0.3)[number],))
            rename(folder, ("e", "f")[number])
    succeed("./run.sh", "--stop-stage", "dump", "--nj", 1, cwd=recipe)
    return recipe


def rename(folder, prefix):
    """Let utterances of the two recipes have different names, as those of the corpora do."""
    for name in ("wav.scp", "utt2label", "utt2spk", "spk2utt"):
        if (folder / name).exists():
            text = (folder / name).read_text()
            (folder / name).write_text("".join(f"{prefix}{line}\n" for line in text.splitlines()))


def test_the_sets_are_those_of_the_two_recipes(recipe):
    for task, sets in (("sounds", ("train", "test")), ("digits", ALL)):
        for name in sets:
            assert len(DataDir(recipe / f"data/{task}/{name}").utterances) == 8


def test_missing_data_says_what_to_run(recipe, tmp_path):
    done = run("local/data.sh", tmp_path, tmp_path / "data", cwd=recipe)
    assert done.returncode == 1
    assert "esc50/run.sh --subset esc10 --stop-stage data first" in done.stderr


def test_an_arm_is_pretrained_and_probed_on_both_tasks(recipe):
    corpora = "sounds/train:0.5 digits/train:0.5"
    words = ("local/arm.sh", "--expdir", "exp/x", 3, "both", corpora, f"4 {TINY}")
    succeed(*words, cwd=recipe)
    exp = recipe / "exp/x/seed3/pretrain_both"
    saved = read_model(exp / "model.pt")
    assert saved.facts["seed"] == 3 and saved.facts["updates"] == 4
    assert {n: c["share"] for n, c in saved.facts["corpora"].items()} == {
        "sounds_train": 0.5,
        "digits_train": 0.5,
    }
    for task in ("sounds", "digits"):
        facts = read_result(exp / f"probe_{task}/linear/score")["provenance"]
        assert facts["normalization"] == "train" and facts["encoder"] == "teacher"
    before = (exp / "probe_digits/linear/score/result.json").stat().st_mtime_ns
    succeed(*words, cwd=recipe)
    assert (exp / "probe_digits/linear/score/result.json").stat().st_mtime_ns == before
    table = succeed("local/table.sh", "exp/x", "a.md", "3", "Both=both", cwd=recipe)
    assert "| Both" in table and (recipe / "exp/x/a.md").read_text() == table


@pytest.fixture
def stubbed(recipe):
    """The recipe with scripts that only note how they were called."""
    kept = {name: (recipe / f"local/{name}").read_text() for name in ("arm.sh", "table.sh")}
    for name in kept:
        (recipe / f"local/{name}").write_text(STUB)
    yield recipe
    for name, text in kept.items():
        (recipe / f"local/{name}").write_text(text)
    (recipe / "calls").unlink()


def calls(recipe):
    lines = (recipe / "calls").read_text().splitlines()
    return [line.split("|")[:-1] for line in lines]


def test_models_are_compared_after_as_many_updates_and_as_many_clips(stubbed):
    succeed("./compare.sh", "--seeds", "1 2", "--updates", 10, "--nj", 1, cwd=stubbed)
    *arms, table = calls(stubbed)
    found = [tuple(call[-4:]) for call in arms]
    both = "sounds/train:0.5 digits/train:0.5"
    for seed in "12":
        assert (seed, "joint", both, "10") in found
        for task in ("sounds", "digits"):
            assert (seed, task, f"{task}/train:1", "10") in found
            assert (seed, f"{task}_same_clips", f"{task}/train:1", "5") in found
        assert (seed, "untrained", both, "1") in found
    assert len(found) == 12
    assert table[:5] == [
        *("table.sh", "exp/compare", "joint.md", "1 2"),
        "Sounds and digits=joint",
    ]


def test_adaptation_begins_with_the_model_of_sounds(stubbed):
    words = ("--seeds", "4", "--updates", 10, "--adapt-updates", 6, "--nj", 1)
    succeed("./adapt.sh", *words, cwd=stubbed)
    first, *adapted, table = calls(stubbed)
    assert first[-4:] == ["4", "sounds", "sounds/train:1", "10"]
    assert [call[-3:] for call in adapted] == [
        ["adapted_replay0", "digits/train:1", "6"],
        ["adapted_replay0.25", "digits/train:0.75 sounds/train:0.25", "6"],
        ["adapted_replay0.5", "digits/train:0.5 sounds/train:0.5", "6"],
    ]
    for call in adapted:
        assert call[call.index("--init") + 1] == "exp/compare/seed4/pretrain_sounds/model.pt"
        assert call[call.index("--pretrain-config") + 1] == "conf/adapt.yaml"
    assert table[2:5:2] == ["adaptation.md", "Sounds=sounds"]


def test_few_labels_are_compared_with_all(recipe, repository):
    """The classes have four clips each: one set is smaller, and the others have them all."""
    conf = recipe.parent / "asterisk/conf"
    conf.mkdir(parents=True)
    shutil.copy(repository / "egs/asterisk/conf/fbank.yaml", conf)
    dump = ("--fbank-config", "../asterisk/conf/fbank.yaml", "--dumpdir", "dump/asterisk")
    tiny = f"{TINY} --model.decoder.groups 1 --training.updates 2"
    words = ("--nj", 1, "--expdir", "exp/free", "--pretrain-args", tiny, "--pretrain-tag", "x")
    succeed("./run.sh", "--stage", 2, "--stop-stage", 3, *dump, *words, cwd=recipe)
    words = ("--pretrained", "exp/free/pretrain_x/model.pt", "--tasks", "digits", "--seeds", 4)
    words = (*words, "--nj", 1, "--finetune-args", "--training.updates 1")
    succeed("./labels.sh", *words, cwd=recipe)
    runs = recipe / "exp/labels/digits/seed4/digits"
    for name, clips in (("train", 8), ("train_32", 8), ("train_8", 8), ("train_2", 4)):
        for system in ("pretrained", "scratch"):
            score = runs / name / f"finetune_{system}/score"
            assert read_result(score)["provenance"]["training clips"] == clips
    table = (recipe / "exp/labels/digits/table.md").read_text()
    assert "| Pretrained" in table and " train_2 " in table and "digits/" not in table
