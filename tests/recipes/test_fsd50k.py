"""egs/fsd50k on clips of different lengths in FSD50K's layout, from stage 0 to 5."""

import hashlib
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from recipes.copies import copy_recipe, run, succeed
from recipes.servers import serve
from recipes.sounds import write_clip

from asda.corpus.datadir import DataDir, read_table

pytestmark = pytest.mark.slow

CLIP_LABELS = [("Bark", "Animal"), ("Crowing_and_cock-a-doodle-doo", "Animal"), ("Rain", "Water")]
LABELS = sorted({label for labels in CLIP_LABELS for label in labels})
SPLITS = {"train": 6, "val": 2, "eval": 3}  # clips of each pair of labels
SMALL = "--training.threads 1 --data.workers 0 --data.batch_size 6 --training.precision float32"
FINETUNE = f"{SMALL} --model.size tiny --model.depth 1 --training.updates 4"
FINETUNE += " --training.evaluate_every 2"


@pytest.fixture
def recipe(repository, tmp_path):
    return copy_recipe(repository, "fsd50k", tmp_path)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """The unpacked archives; clips are half a second to five seconds long."""
    folder = tmp_path_factory.mktemp("corpus")
    for name in ("ground_truth", "dev_audio", "eval_audio"):
        (folder / f"FSD50K.{name}").mkdir()
    rows = {"dev": ["fname,labels,mids,split"], "eval": ["fname,labels,mids"]}
    rng = np.random.default_rng(0)
    number = 90
    for pitch, labels in enumerate(CLIP_LABELS):
        for split, count in SPLITS.items():
            part = "eval" if split == "eval" else "dev"
            for _ in range(count):
                path = folder / f"FSD50K.{part}_audio/{number}.wav"
                write_clip(path, pitch, seed=number, seconds=rng.uniform(0.5, 5))
                row = f'{number},"{",".join(labels)}","/m/0,/m/1"'
                rows[part].append(row if part == "eval" else f"{row},{split}")
                number += 1
    for part, lines in rows.items():
        (folder / f"FSD50K.ground_truth/{part}.csv").write_text("\n".join(lines) + "\n")
    vocabulary = [f"{index},{label},/m/{index}\n" for index, label in enumerate(LABELS)]
    (folder / "FSD50K.ground_truth/vocabulary.csv").write_text("".join(vocabulary))
    return folder


def test_from_the_corpus_to_map(recipe, corpus):
    said = succeed(
        *(recipe / "run.sh", "--stage", "data", "--db-dir", corpus, "--nj", 1, "--ngpu", 0),
        *("--pretrained", "none", "--finetune-tag", "a", "--finetune-args", FINETUNE),
        cwd=recipe,
    )
    assert "train: 18 of 36796 clips" in said
    result = json.loads((recipe / "exp/finetune_a/score/result.json").read_text())
    assert result["multi_label"]
    assert (result["metric"], result["classes"]) == ("mAP", len(LABELS))
    assert result["clips"] == {"found": 9, "expected": 9}
    assert len(set(read_table(recipe / "dump/fbank/utt2num_frames").values())) > 20


def test_the_official_split(recipe, corpus):
    succeed(recipe / "local/data.sh", corpus, "data", cwd=recipe)
    found = {name: DataDir(recipe / "data" / name) for name in ("train", "valid", "eval")}
    assert [len(directory.utterances) for directory in found.values()] == [18, 6, 9]
    for directory in found.values():
        assert directory.labels == LABELS
    assert found["train"].utt2label["90"] == ["Bark", "Animal"]
    assert found["valid"].table("wav.scp")["96"] == f"{corpus}/FSD50K.dev_audio/96.wav"
    assert found["eval"].table("wav.scp")["98"] == f"{corpus}/FSD50K.eval_audio/98.wav"


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("FSD50K.eval_audio/98.wav", None, "eval.csv:2: no file 98.wav in "),
        ("FSD50K.ground_truth/dev.csv", ("fname", "name"), "dev.csv:1: no column 'fname'"),
        ("FSD50K.ground_truth/dev.csv", (",split", ",part"), "dev.csv:1: no column 'split'"),
        (
            "FSD50K.ground_truth/dev.csv",
            (",train", ",dev"),
            "dev.csv:2: split must be train or val",
        ),
        ("FSD50K.ground_truth/dev.csv", (",train", ""), "dev.csv:2: 3 fields, but the header"),
        ("FSD50K.ground_truth/dev.csv", ("\n91,", "\n90,"), "dev.csv:3: clip 90 is also in"),
        ("FSD50K.ground_truth/dev.csv", ("\n96,", "\n90,"), "dev.csv:8: clip 90 is also in"),
        ("FSD50K.ground_truth/eval.csv", ("\n98,", "\n90,"), "eval.csv:2: clip 90 is also in"),
        ("FSD50K.ground_truth/eval.csv", ('Animal","', 'Animal,"'), "eval.csv:2: ',' expected"),
        ("FSD50K.ground_truth/vocabulary.csv", ("1,", "7,"), "vocabulary.csv:2: expected '1,label"),
    ],
)
def test_what_is_wrong(recipe, corpus, tmp_path, file, change, message):
    folder = tmp_path / "corpus"
    shutil.copytree(corpus, folder)
    if change:
        path = folder / file
        path.write_text(path.read_text().replace(*change, 1))
    else:
        (folder / file).unlink()
    done = run(recipe / "local/data.py", folder, "data", cwd=recipe)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (recipe / "data").exists()


def cut_to_the_header(text):
    return text.splitlines()[0] + "\n"


@pytest.mark.parametrize(
    ("file", "change", "empty"),
    [
        ("dev.csv", cut_to_the_header, "train"),
        ("dev.csv", lambda text: text.replace(",val\n", ",train\n"), "valid"),
        ("dev.csv", lambda text: text.replace(",train\n", ",val\n"), "train"),
        ("eval.csv", cut_to_the_header, "eval"),
    ],
)
def test_no_set_is_left_from_earlier(recipe, corpus, tmp_path, file, change, empty):
    folder = tmp_path / "corpus"
    shutil.copytree(corpus, folder)
    succeed(recipe / "local/data.py", folder, "data", cwd=recipe)
    path = folder / "FSD50K.ground_truth" / file
    path.write_text(change(path.read_text()))
    done = run(recipe / "local/data.py", folder, "data", cwd=recipe)
    assert done.returncode == 1
    assert f"{file}: no clips for {empty}" in done.stderr
    assert done.stderr.count("\n") == 1


def test_byte_order_marks_and_dos_line_ends(recipe, corpus, tmp_path):
    folder = tmp_path / "corpus"
    shutil.copytree(corpus, folder)
    for path in (folder / "FSD50K.ground_truth").iterdir():
        path.write_text(path.read_text(), encoding="utf-8-sig", newline="\r\n")
    for source, data in ((corpus, "plain"), (folder, "marked")):
        succeed(recipe / "local/data.py", source, data, cwd=recipe)
    for table in ("train/utt2label", "valid/utt2label", "eval/utt2label", "eval/labels.txt"):
        assert (recipe / "marked" / table).read_text() == (recipe / "plain" / table).read_text()


def test_stage_0(recipe, corpus, tmp_path):
    """Split archives: a broken transfer is continued, and a wrong part is refused."""
    if not shutil.which("zip"):
        pytest.skip("needs the program zip")
    archives = tmp_path / "archives"
    archives.mkdir()
    for name in ("ground_truth", "eval_audio", "dev_audio"):
        size = [] if name == "ground_truth" else ["-s", "1m"]
        command = ["zip", "-q", "-r", *size, archives / f"FSD50K.{name}.zip", f"FSD50K.{name}"]
        subprocess.run(command, cwd=corpus, check=True)
    script = recipe / "local/download.sh"
    known = script.read_text()
    with serve(archives) as server:
        command = [script, "--url", server.url, "downloads"]
        refused = run(*command, cwd=recipe)
        assert "FSD50K.ground_truth.zip has MD5" in refused.stderr
        assert not (recipe / "downloads/FSD50K.ground_truth").exists()
        (recipe / "downloads/FSD50K.ground_truth.zip").unlink()

        script.write_text(with_parts(known, archives))
        server.cut = 1000
        assert "run again to resume" in run(*command, cwd=recipe).stderr
        server.cut = None
        succeed(*command, cwd=recipe)
        assert any(wanted for _, wanted in server.requested)
        assert not run("diff", "-r", corpus, recipe / "downloads", cwd=recipe).stdout
        count = len(server.requested)
        succeed(*command, cwd=recipe)
        assert len(server.requested) == count


def with_parts(script, archives):
    """Return local/download.sh with the parts and MD5 sums of other archives."""

    def lines(match):
        parts = sorted(archives.glob(f"{match[1]}.z*"))
        sums = [f"{p.suffix[1:]} {hashlib.md5(p.read_bytes()).hexdigest()}\n" for p in parts]
        return f"fetch {match[1]} <<'PARTS'\n{''.join(sums)}PARTS"

    return re.sub(r"fetch (\S+) <<'PARTS'\n.*?PARTS", lines, script, flags=re.DOTALL)
