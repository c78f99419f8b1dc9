"""egs/esc50 on tones in the layout of ESC-50, from stage 0 to the folds' common score."""

import csv
import hashlib
import itertools
import json
import shutil
import zipfile

import pytest
from recipes.copies import copy_recipe, run, succeed
from recipes.servers import serve
from recipes.sounds import write_clip

from asda.checkpoint.load import read_model
from asda.corpus.datadir import DataDir

pytestmark = pytest.mark.slow

CLASSES = {0: "dog", 1: "rooster", 10: "rain"}  # target: category
FOLDS = range(1, 6)
SMALL = "--training.threads 1 --data.workers 0 --data.batch_size 8 --data.max_frames 64"
PRETRAIN = f"{SMALL} --model.depth 1 --model.num_masks 2 --training.updates 2"
FINETUNE = f"{SMALL} --training.updates 2 --optimizer.warmup 1"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Two clips of each fold and of three classes as an unpacked ESC-50; roosters are no ESC-10."""
    folder, lines = tmp_path_factory.mktemp("corpus"), []
    for fold, target, number in itertools.product(FOLDS, CLASSES, range(2)):
        source, category = str(10000 * fold + 100 * target + number), CLASSES[target]
        name = f"{fold}-{source}-A-{target}.wav"
        write_clip(folder / "audio" / name, target, seed=int(source))
        esc10 = str(category != "rooster")
        lines.append([name, fold, target, category, esc10, source, "A"])
    fields = ["filename", "fold", "target", "category", "esc10", "src_file", "take"]
    (folder / "meta").mkdir()
    write_table(folder, [dict(zip(fields, line, strict=True)) for line in sorted(lines)])
    return folder


def read_table(corpus):
    with open(corpus / "meta/esc50.csv", newline="") as stream:
        return list(csv.DictReader(stream))


def write_table(corpus, lines):
    with open(corpus / "meta/esc50.csv", "w", newline="") as stream:
        writer = csv.DictWriter(stream, lines[0].keys())
        writer.writeheader()
        writer.writerows(lines)


@pytest.fixture(scope="module")
def recipe(repository, tmp_path_factory):
    return copy_recipe(repository, "esc50", tmp_path_factory.mktemp("recipe"))


def stages(recipe, first, last, *options):
    return succeed(
        *(recipe / "run.sh", "--stage", first, "--stop-stage", last, "--nj", 1, "--ngpu", 0),
        *("--baseline", "false", "--pretrain-tag", "a", "--pretrain-args", PRETRAIN),
        *("--finetune-tag", "b", "--finetune-args", FINETUNE, *options),
        cwd=recipe,
    )


@pytest.fixture(scope="module")
def prepared(recipe, corpus):
    """The recipe after stages 1 and 2, and with the data directories of ESC-10."""
    said = stages(recipe, "data", "dump", "--db-dir", corpus)
    assert "esc50: 30 of 2000 clips and 3 of 50 classes" in said
    said = succeed(recipe / "local/data.py", "esc10", corpus, "data/esc10", cwd=recipe)
    assert "esc10: 20 of 400 clips and 2 of 10 classes" in said
    return recipe


def members(directory):
    """Return fold -> clips of a data directory, whose tables must agree with the file names."""
    folds = {}
    for utterance, path in directory.table("wav.scp").items():
        fold, source, _, target = utterance.split("-")
        assert path.endswith(f"/audio/{utterance}.wav")
        assert directory.table("utt2spk")[utterance] == f"{fold}-{source}"
        assert directory.utt2label[utterance] == [
            {"0": "dog", "1": "rooster", "10": "rain"}[target]
        ]
        folds.setdefault(int(fold), []).append(utterance)
    return {fold: len(utterances) for fold, utterances in folds.items()}


def test_each_fold_is_tested_on_what_it_is_not_trained_on(prepared):
    for subset, labels in {"esc50": ["dog", "rooster", "rain"], "esc10": ["dog", "rain"]}.items():
        data = prepared / "data" / subset
        assert members(DataDir(data / "all")) == dict.fromkeys(FOLDS, 2 * len(labels))
        for fold in FOLDS:
            sets = {
                name: DataDir(data / f"fold{fold}/{name}")
                for name in ("train", "test", "dev_train", "dev_test")
            }
            assert all(directory.labels == labels for directory in sets.values())
            folds = {name: set(members(directory)) for name, directory in sets.items()}
            assert folds["test"] == {fold}
            assert folds["train"] == set(FOLDS) - {fold}
            assert len(folds["dev_test"]) == 1
            assert folds["dev_test"] | folds["dev_train"] == folds["train"]
            assert not folds["dev_test"] & folds["dev_train"]


def test_fold_by_fold_to_one_score(prepared):
    stages(prepared, "pretrain", "pretrain", "--folds", "1")
    exp = prepared / "exp/esc50"
    pretrained = exp / "fold1/pretrain_a/model.pt"
    time = pretrained.stat().st_mtime_ns
    stages(prepared, "pretrain", "score", "--folds", "1 4")
    assert pretrained.stat().st_mtime_ns == time
    result = json.loads((exp / "finetune_b/score/result.json").read_text())
    assert result["clips"] == {"found": 12, "expected": 12}
    assert [fold["folder"] for fold in result["folds"]] == [
        "../../fold1/finetune_b/score",
        "../../fold4/finetune_b/score",
    ]
    values = [fold["metrics"]["accuracy"]["value"] for fold in result["folds"]]
    assert result["over_folds"]["accuracy"]["mean"] == pytest.approx(sum(values) / 2)
    for fold in (1, 4):
        for experiment in ("pretrain_a", "finetune_b"):
            facts = read_model(exp / f"fold{fold}/{experiment}/model.pt").facts
            assert facts["train"] == f"data/esc50/fold{fold}/train"
            assert facts.get("valid") is None
            assert facts["final"] == "last"


def test_the_reference_s_settings_are_the_preset(repository):
    link = repository / "egs/esc50/conf/finetune_reference.yaml"
    assert link.resolve() == repository / "egs/presets/finetune_esc50.yaml"


def without_a_clip(corpus):
    next((corpus / "audio").iterdir()).unlink()


def without_folds(corpus):
    lines = read_table(corpus)
    write_table(corpus, [{key: line[key] for key in line if key != "fold"} for line in lines])


def with_a_word_for_a_fold(corpus):
    lines = read_table(corpus)
    write_table(corpus, [lines[0] | {"fold": "one"}, *lines[1:]])


def with_a_short_line(corpus):
    table = corpus / "meta/esc50.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0], lines[1].rsplit(",", 4)[0], *lines[2:]]))


def with_bytes_that_are_no_text(corpus):
    table = corpus / "meta/esc50.csv"
    table.write_bytes(table.read_bytes().replace(b",dog,", b",d\xffg,", 1))


def with_a_clip_in_two_folds(corpus):
    lines = read_table(corpus)
    other = str(int(lines[0]["fold"]) % 5 + 1)
    write_table(corpus, [*lines, lines[0] | {"fold": other}])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (with_a_short_line, "esc50.csv:2: 3 fields, but the header has 7; unpack the corpus"),
        (with_bytes_that_are_no_text, "not UTF-8 text"),
        (with_a_clip_in_two_folds, "is also in line 2; remove one of them"),
        (without_a_clip, "no such file (1 of 30 in"),
        (without_folds, "esc50.csv:1: no column 'fold'"),
        (with_a_word_for_a_fold, "esc50.csv:2: fold and target must be numbers"),
        (shutil.rmtree, "contains neither meta/esc50.csv nor"),
    ],
)
def test_an_incomplete_corpus_is_refused(recipe, corpus, tmp_path, damage, message):
    shutil.copytree(corpus, tmp_path / "ESC-50")
    damage(tmp_path / "ESC-50")
    done = run(recipe / "local/data.py", "esc50", tmp_path, tmp_path / "data", cwd=recipe)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_a_byte_order_mark(recipe, corpus, tmp_path):
    shutil.copytree(corpus, tmp_path / "ESC-50")
    table = tmp_path / "ESC-50/meta/esc50.csv"
    table.write_text(table.read_text(), encoding="utf-8-sig")
    said = succeed(recipe / "local/data.py", "esc50", tmp_path, tmp_path / "data", cwd=recipe)
    assert "esc50: 30 of 2000 clips and 3 of 50 classes" in said


def test_options_for_data_sh_leave_the_subset_as_it_is(recipe, corpus, tmp_path):
    said = stages(
        *(recipe, "data", "data", "--db-dir", corpus, "--subset", "esc10"),
        *("--local-data-opts", "", "--datadir", tmp_path),
    )
    assert "esc10: 20 of 400 clips" in said


def test_an_unknown_subset_is_refused(recipe):
    done = run(recipe / "run.sh", "--subset", "us8k", cwd=recipe)
    assert done.returncode == 1
    assert "--subset must be esc50 or esc10, not 'us8k'" in done.stderr


def test_stage_0(repository, corpus, tmp_path):
    """A broken transfer is continued; a wrong and a damaged archive are refused."""
    recipe = copy_recipe(repository, "esc50", tmp_path)
    archive = tmp_path / "33c8ce9.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for file in corpus.rglob("*.*"):
            packed.write(file, f"ESC-50-33c8ce9/{file.relative_to(corpus)}")
    whole = archive.read_bytes()
    command = [recipe / "local/download.sh"]
    checked = ["--checksum", hashlib.sha256(whole).hexdigest(), "downloads"]
    with serve(tmp_path) as server:
        command += ["--url", f"{server.url}/33c8ce9.zip"]
        server.cut = 10000
        broken = run(*command, *checked, cwd=recipe)
        assert "run again to resume" in broken.stderr
        server.cut = None
        refused = run(*command, "downloads", cwd=recipe)
        assert "33c8ce9.zip has SHA-256" in refused.stderr
        assert ("33c8ce9.zip", "bytes=10000-") in server.requested
        assert not (recipe / "downloads/ESC-50").exists()
        succeed(*command, *checked, cwd=recipe)
        assert succeed("diff", "-r", corpus, recipe / "downloads/ESC-50", cwd=recipe) == ""
        count = len(server.requested)
        succeed(*command, *checked, cwd=recipe)
        assert len(server.requested) == count

        shutil.rmtree(recipe / "downloads")
        archive.write_bytes(whole[:100] + bytes(1000) + whole[1100:])
        damaged = run(*command, "--checksum", "", "downloads", cwd=recipe)
        assert damaged.returncode == 1
        assert damaged.stderr.endswith("33c8ce9.zip was damaged and has been removed; run again\n")
        assert list((recipe / "downloads").iterdir()) == []
