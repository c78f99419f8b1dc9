"""utils/new_recipe.sh, and the recipe it makes on a few clips with a CSV of labels."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from recipes.copies import run, succeed

from asda.corpus.datadir import DataDir

pytestmark = pytest.mark.slow

SMALL = "--training.threads 1 --data.workers 0 --data.batch_size 8 --data.max_frames 64"
PRETRAIN = f"{SMALL} --model.depth 1 --model.num_masks 2 --training.updates 2"
FINETUNE = f"{SMALL} --training.updates 2 --optimizer.warmup 1 --training.evaluate_every 1"
CLASSES = ["bird song", "wind"]
BASELINES = ("logistic_regression", "random_forest")


@pytest.fixture(scope="module")
def checkout(repository, tmp_path_factory):
    """As much of the repository as makes a recipe."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(repository / "utils", folder / "utils")
    made = shutil.ignore_patterns("data", "dump", "exp", "downloads")
    template = folder / "egs/TEMPLATE"
    shutil.copytree(repository / "egs/TEMPLATE", template, symlinks=True, ignore=made)
    (folder / "tools").symlink_to(repository / "tools")
    return folder


@pytest.fixture(scope="module")
def recipe(checkout):
    said = succeed(checkout / "utils/new_recipe.sh", "my-sounds", cwd=checkout)
    assert "my-sounds/run.sh --db-dir AUDIO --labels CSV" in said
    return checkout / "egs/my-sounds"


@pytest.fixture(scope="module")
def audio(tmp_path_factory):
    """Twenty clips of two classes, by ten recorders."""
    folder = tmp_path_factory.mktemp("my audio")
    rng = np.random.default_rng(0)
    for number in range(20):
        path = folder / f"{CLASSES[number % 2]}/{number:02d}.flac"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, rng.normal(0, 0.1, 22050), 22050)
    return folder


def write_csv(path, audio, **columns):
    """List the clips of a folder; a column is a function of the clip's number."""
    with open(path, "w", newline="", encoding="utf-8-sig") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "label", *columns])
        for file in sorted(audio.glob("*/*.flac"), key=lambda file: file.name):
            number = int(file.stem)
            values = [column(number) for column in columns.values()]
            writer.writerow([file.relative_to(audio), file.parent.name, *values])
    return path


def prepare(recipe, audio, labels, data, num_folds=0):
    words = ["classification", audio, labels, num_folds, data]
    return succeed(recipe / "local/data.py", *words, cwd=recipe)


def sets_of(data):
    return {name: DataDir(data / name) for name in ("train", "valid", "test")}


def test_the_paths_alone_are_written(recipe, audio, tmp_path):
    """The recipe as it stands, with its two paths written into run.sh, from stage 0 to 5."""
    labels = write_csv(tmp_path / "my labels.csv", audio, group=lambda n: f"recorder {n // 2}")
    text = labels.read_text("utf-8").replace(".flac,wind", ".flac,wind;bird song")
    labels.write_text(text, "utf-8")
    script = recipe / "run.sh"
    text = script.read_text()
    for name, path in {"audio": audio, "labels": labels}.items():
        text = text.replace(f"\n{name}=", f"\n{name}='{path}'", 1)
    script.write_text(text)
    said = succeed(
        *(script, "--nj", 1, "--ngpu", 0),
        *("--pretrain-args", PRETRAIN, "--pretrain-tag", "a"),
        *("--finetune-args", FINETUNE, "--finetune-tag", "b"),
        cwd=audio,
    )
    assert "20 clips, 2 classes, 10 clips with several labels" in said
    assert (
        "skipped: training from scratch (--pretrained none); --pretrained own would pretrain"
        in said
    )
    assert not (recipe / "exp/pretrain_a").exists()
    systems = ["exp/finetune_b", *(f"exp/baseline_train/{name}" for name in BASELINES)]
    for system in systems:
        assert f"{system}/score: mAP % " in said
        with open(recipe / system / "score/predictions.tsv", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t"))
        assert {Path(row["file"]).parent.parent for row in rows} == {audio}
    result = json.loads((recipe / "exp/finetune_b/score/result.json").read_text())
    assert result["metric"] == "mAP"
    assert result["clips"] == {"found": 4, "expected": 4}
    assert DataDir(recipe / "data/test").labels == ["bird_song", "wind"]


def test_recognition(recipe, audio, tmp_path):
    """From a CSV with transcripts to error rates; then the same from data directories alone."""
    path = tmp_path / "texts.csv"
    files = sorted(audio.glob("*/*.flac"), key=lambda file: file.name)
    lines = [f"{file.relative_to(audio)},{'yes no'[: 2 + n % 5]}\n" for n, file in enumerate(files)]
    path.write_text("file,text\n" + "".join(lines))
    short = "--training.threads 1 --data.workers 0 --training.updates 2"
    trained = ["--finetune-args", f"{short} --data.max_frames 120 --data.batch_frames 240"]
    trained += ["--finetune-tag", "c", "--nj", 1, "--ngpu", 0, "--dumpdir", "speech/dump"]
    trained += ["--expdir", "speech/exp", "--datadir", "speech/data", "--task", "recognition"]
    words = ["--db-dir", audio, "--labels", path, "--pretrained", "own", "--pretrain-tag", "p"]
    words += ["--pretrain-args", f"{short} --data.batch_size 8 --model.depth 1"]
    said = succeed(recipe / "run.sh", *words, *trained, cwd=recipe)
    assert "20 clips, " in said and "speech/exp/ctc_c/score: CER % " in said
    assert (recipe / "speech/exp/pretrain_p/model.pt").exists()
    assert (recipe / "speech/dump/units_train/units.model").exists()
    result = json.loads((recipe / "speech/exp/ctc_c/score/result.json").read_text())
    assert result["metric"] == "CER" and result["clips"] == {"found": 4, "expected": 4}
    shutil.rmtree(recipe / "speech/exp")
    shutil.rmtree(recipe / "speech/dump")
    shutil.rmtree(recipe / "speech/data/all")
    words = ["--stage", "dump", "--dump-sets", "train valid test"]
    assert "ctc_c/score: CER % " in succeed(recipe / "run.sh", *words, *trained, cwd=recipe)


def test_folds_of_its_own(recipe, audio, tmp_path):
    write_csv(tmp_path / "labels.csv", audio)
    said = succeed(
        *(recipe / "run.sh", "--stage", "data", "--stop-stage", "data", "--num-folds", 2),
        *("--db-dir", audio, "--labels", tmp_path / "labels.csv", "--datadir", "my/data"),
        cwd=recipe,
    )
    assert "fold 2: train 8, valid 2, test 10 clips" in said
    valid = [line.split(":")[0] for line in said.splitlines() if ": valid" in line]
    places = [f"fold{n}/{name}" for n in (1, 2) for name in ("train", "valid", "test")]
    assert valid == [f"my/data/{name}" for name in ("all", *places)]
    assert (recipe / "my/data/folds").read_text() == "1\n2\n"


def test_a_random_split_keeps_groups_and_classes(recipe, audio, tmp_path):
    labels = write_csv(tmp_path / "a.csv", audio, group=lambda n: n // 4 * 2 + n % 2)
    prepare(recipe, audio, labels, tmp_path / "data")
    sets = sets_of(tmp_path / "data")
    found = [set(directory.table("utt2spk").values()) for directory in sets.values()]
    assert sum(map(len, found)) == len(set.union(*found)) == 10
    assert len(found[2]) == 2
    assert [len(directory.utterances) for directory in sets.values()] == [12, 4, 4]
    for name in ("test", "valid"):
        kinds = [kind for [kind] in sets[name].utt2label.values()]
        assert kinds.count("wind") == kinds.count("bird_song") == 2
    prepare(recipe, audio, labels, tmp_path / "again")
    assert DataDir(tmp_path / "again/test").utterances == sets["test"].utterances


def test_given_splits_and_several_labels(recipe, audio, tmp_path):
    names = ["Training", "dev", "train", "test"]
    labels = write_csv(tmp_path / "a.csv", audio, split=lambda n: names[n % 4])
    text = labels.read_text(encoding="utf-8")
    labels.write_text(text.replace("02.flac,bird song", "02.flac,wind; bird song;"), "utf-8")
    said = prepare(recipe, audio, labels, tmp_path / "data")
    assert "20 clips, 2 classes, 1 clips with several labels" in said
    sets = sets_of(tmp_path / "data")
    assert sets["train"].utt2label["bird_song-02"] == ["bird_song", "wind"]
    for name, remainders in {"train": (0, 2), "valid": (1,), "test": (3,)}.items():
        numbers = {int(utterance[-2:]) for utterance in sets[name].utterances}
        assert numbers == {n for n in range(20) if n % 4 in remainders}


def test_a_valid_set_is_made_where_none_is_given(recipe, audio, tmp_path):
    labels = write_csv(tmp_path / "a.csv", audio, split=lambda n: "test" if n < 5 else "train")
    prepare(recipe, audio, labels, tmp_path / "data")
    sizes = [len(directory.utterances) for directory in sets_of(tmp_path / "data").values()]
    assert sizes == [13, 2, 5]


@pytest.mark.parametrize("given", [True, False])
def test_folds(recipe, audio, tmp_path, given):
    """Each clip is tested once; an earlier list of folds goes when there are none."""
    columns = {"fold": lambda n: "abcd"[n // 5]} if given else {}
    labels, data = write_csv(tmp_path / "a.csv", audio, **columns), tmp_path / "data"
    prepare(recipe, audio, labels, data, num_folds=4)
    names = "abcd" if given else "1234"
    assert (data / "folds").read_text().split() == list(names)
    tested = []
    for name in names:
        sets = sets_of(data / f"fold{name}")
        members = [utterance for one in sets.values() for utterance in one.utterances]
        assert len(members) == len(set(members)) == 20
        tested += sets["test"].utterances
    assert sorted(tested) == DataDir(data / "all").utterances
    if given:
        numbers = [int(u[-2:]) for u in DataDir(data / "foldb/test").utterances]
        assert sorted(numbers) == [5, 6, 7, 8, 9]
    prepare(recipe, audio, write_csv(tmp_path / "b.csv", audio), data)
    assert not (data / "folds").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\nwind/01.flac,wind\n", "labels.csv:1: no column 'file' (found: path, label)"),
        ("file,label\nwind/01.flac,wind\nwind/1.flac,x\n", "labels.csv:3: no file"),
        ("file,label\nwind/01.flac,\n", "labels.csv:2: column 'label' is empty"),
        ("file,label,split\nwind/01.flac,wind,later\n", "not 'later'"),
        ("file,label,split,fold\n", "columns split and fold"),
        ("file,label\nwind/01.flac,wind\n", "labels.csv: a random split needs at least 5 clips"),
    ],
)
def test_a_wrong_csv_is_refused(recipe, audio, tmp_path, text, message):
    (tmp_path / "labels.csv").write_text(text)
    words = ["classification", audio, tmp_path / "labels.csv", 0, tmp_path / "data"]
    done = run(recipe / "local/data.py", *words, cwd=recipe)
    assert done.returncode == 1
    assert message in done.stderr
    assert not (tmp_path / "data").exists()


def test_without_paths_it_says_so(checkout):
    done = run(checkout / "egs/TEMPLATE/run.sh", cwd=checkout)
    assert done.returncode == 1
    assert "write the paths of the corpus into run.sh" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["TEMPLATE"], "egs/TEMPLATE exists already"),
        (["my/sounds"], "usage:"),
        ([], "usage:"),
    ],
)
def test_wrong_names(checkout, words, message):
    done = run(checkout / "utils/new_recipe.sh", *words, cwd=checkout)
    assert done.returncode == 1
    assert message in done.stderr
    assert not list((checkout / "egs").glob(".*"))
