"""egs/librispeech/local: the official sets, and what is wrong in an incomplete corpus."""

import itertools
import json
import shutil

import numpy as np
import pytest
import soundfile
from recipes.copies import copy_recipe, run, succeed
from recipes.servers import pack, serve
from recipes.sounds import write_clip

from asda.audio.waveform import read_audio
from asda.corpus.datadir import DataDir

TRAINING = ("train-clean-100", "train-clean-360", "train-other-500")
TESTS = ("dev-clean", "dev-other", "test-clean", "test-other")
SPEAKERS = {name: (f"10{index}", f"10{index}4") for index, name in enumerate(TRAINING + TESTS)}
UTTERANCES = 10


def write_chapter(corpus, name, speaker, chapter, seeds):
    folder = corpus / name / speaker / chapter
    lines = []
    for number in range(UTTERANCES):
        utterance = f"{speaker}-{chapter}-{number:04d}"
        write_clip(folder / f"{utterance}.flac", number, next(seeds), seconds=0.2, rate=16000)
        lines.append(f"{utterance} THIS IS {name.upper()} NUMBER {number}\n")
    (folder / f"{speaker}-{chapter}.trans.txt").write_text("".join(lines))


@pytest.fixture(scope="module")
def downloads(tmp_path_factory):
    """All sets, with two speakers each; one ID is the beginning of the other."""
    corpus, seeds = tmp_path_factory.mktemp("downloads") / "LibriSpeech", itertools.count()
    lines = [";ID  |SEX| SUBSET           |MINUTES| NAME\n"]
    for name, speakers in SPEAKERS.items():
        for speaker, gender in zip(speakers, "FM", strict=True):
            write_chapter(corpus, name, speaker, "123", seeds)
            lines.append(f"{speaker}  | {gender} | {name}    | 25.03 | A Reader | of books\n")
    (corpus / "SPEAKERS.TXT").write_text("".join(lines))
    return corpus.parent


@pytest.fixture(scope="module")
def recipe(repository, tmp_path_factory):
    return copy_recipe(repository, "librispeech", tmp_path_factory.mktemp("recipe"))


@pytest.fixture(scope="module")
def data(recipe, downloads):
    said = succeed("local/data.sh", downloads, "data", cwd=recipe)
    assert "train-clean-100: 20 of 28539 utterances\n" in said
    succeed("local/data.sh", "--hours", "960", downloads / "LibriSpeech", "data", cwd=recipe)
    return recipe / "data"


def speakers_of(folder):
    return {*DataDir(folder).table("utt2spk").values()}


def test_official_sets(data):
    expected = {name.replace("-", "_"): {*SPEAKERS[name]} for name in TESTS}
    expected["dev"] = expected["dev_clean"] | expected["dev_other"]
    expected["train_100"] = {*SPEAKERS["train-clean-100"]}
    expected["train_960"] = {speaker for name in TRAINING for speaker in SPEAKERS[name]}
    for name, speakers in expected.items():
        assert speakers_of(data / name) == speakers
        assert len(DataDir(data / name).utterances) == UTTERANCES * len(speakers)


def test_tables(data, downloads):
    directory = DataDir(data / "test_other")
    assert directory.table("text")["106-123-0003"] == "THIS IS TEST-OTHER NUMBER 3"
    assert directory.table("spk2gender") == {"106": "f", "1064": "m"}
    source = downloads / "LibriSpeech/test-other/1064/123/1064-123-0007.flac"
    assert directory.table("wav.scp")["1064-123-0007"] == str(source)
    assert not directory.has("utt2label") and not directory.has("labels.txt")


def test_subsets_have_their_share_of_each_speaker(data):
    few, some, whole = (
        {*DataDir(data / name).utterances} for name in ("train_960_10", "train_960_30", "train_960")
    )
    assert few < some < whole
    for speaker in speakers_of(data / "train_960"):
        assert sum(name.startswith(f"{speaker}-") for name in some) == 3
        assert sum(name.startswith(f"{speaker}-") for name in few) == 1


def test_incomplete_utterances_are_left_out_and_listed(recipe, downloads, tmp_path):
    shutil.copytree(downloads, tmp_path / "downloads")
    chapter = tmp_path / "downloads/LibriSpeech/train-clean-100/100/123"
    (chapter / "100-123-0000.flac").unlink()
    table = chapter / "100-123.trans.txt"
    lines = table.read_text().splitlines()
    lines[1], lines[2] = "100-123-0001 ", ""
    table.write_text("\n".join(lines))
    (chapter / "._100-123-0005.flac").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")
    (tmp_path / "downloads/LibriSpeech/dev-other/104/123/104-123.trans.txt").unlink()
    said = succeed("local/data.sh", tmp_path / "downloads", tmp_path / "data", cwd=recipe)
    assert "train-clean-100: 17 of 28539 utterances, 3 left out\n" in said
    assert "dev-other: 10 of 2864 utterances, 10 left out\n" in said
    rows = (tmp_path / "data/left_out_100.tsv").read_text().splitlines()
    assert rows[:5] == [
        "set\tutterance\treason",
        "train-clean-100\t100-123-0000\tno recording",
        "train-clean-100\t100-123-0001\tempty text",
        "train-clean-100\t100-123-0002\tno text",
        "dev-other\t104-123-0000\tno text",
    ]
    assert len(rows) == 1 + 3 + 10
    assert len(DataDir(tmp_path / "data/train_100").utterances) == 17


@pytest.mark.parametrize(
    ("removed", "hours", "message"),
    [
        (
            "train-other-500",
            "960",
            "train-other-500: no such folder; unpack train-other-500.tar.gz",
        ),
        ("SPEAKERS.TXT", "100", "SPEAKERS.TXT: no such file"),
    ],
)
def test_a_missing_part_is_named(recipe, downloads, tmp_path, removed, hours, message):
    shutil.copytree(downloads, tmp_path / "downloads")
    shutil.move(tmp_path / "downloads/LibriSpeech" / removed, tmp_path)
    done = run("local/data.py", hours, tmp_path / "downloads", tmp_path / "data", cwd=recipe)
    assert done.returncode == 1
    assert message in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_a_folder_without_the_corpus_is_refused(recipe, tmp_path):
    done = run("local/data.py", "100", tmp_path, tmp_path / "data", cwd=recipe)
    assert done.returncode == 1
    assert "contains neither LibriSpeech nor its sets" in done.stderr


@pytest.mark.parametrize(("script", "words"), [("data.sh", ["data"]), ("download.sh", [])])
def test_other_hours_are_refused(recipe, downloads, script, words):
    done = run(f"local/{script}", "--hours", "460", downloads, *words, cwd=recipe)
    assert done.returncode == 1
    assert "--hours must be 100 or 960, not '460'" in done.stderr


def test_stage_0(repository, downloads, tmp_path):
    """Archives of all hours are verified, unpacked into one corpus and not fetched again."""
    recipe = copy_recipe(repository, "librispeech", tmp_path)
    script = recipe / "local/download.sh"
    names = [*TRAINING, *TESTS]
    for name in names:
        content = tmp_path / name / "LibriSpeech"
        shutil.copytree(downloads / "LibriSpeech" / name, content / name)
        shutil.copy(downloads / "LibriSpeech/SPEAKERS.TXT", content)
        pack(tmp_path / name, tmp_path / f"{name}.tar.gz")
    with serve(tmp_path) as server:
        command = [recipe / "run.sh", "--hours", "960", "--stop-stage", "download"]
        command += ["--local-download-opts", f"--url {server.url}"]
        refused = run(*command, cwd=recipe)
        assert "dev-clean.tar.gz has MD5" in refused.stderr
        (recipe / "downloads/dev-clean.tar.gz").unlink()
        text = script.read_text()
        for name in names:
            found = run("md5sum", tmp_path / f"{name}.tar.gz", cwd=recipe).stdout.split()[0]
            before, _, after = text.partition(f"fetch {name} ")
            text = f"{before}fetch {name} {found}{after[32:]}"
        script.write_text(text)
        server.requested.clear()
        for _ in range(2):
            succeed(*command, cwd=recipe)
        assert sorted(name for name, _ in server.requested) == sorted(
            f"{name}.tar.gz" for name in names
        )
    found = recipe / "downloads/LibriSpeech"
    assert {path.name for path in found.iterdir()} == {*names, "SPEAKERS.TXT"}
    assert [path.name for path in found.parent.iterdir()] == ["LibriSpeech"]
    for name in names:
        same = run("diff", "-r", downloads / "LibriSpeech" / name, found / name, cwd=recipe)
        assert same.returncode == 0, same.stdout


WORDS = ["ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE"]
READERS = ("george", "jackson", "lucas", "nicolas", "theo")
SMALL = "--training.threads 1 --data.workers 0 --data.min_frames 8 --training.precision float32"
PRETRAIN = f"{SMALL} --model.size tiny --model.depth 1 --model.num_masks 2 --training.updates 2"
PRETRAIN += " --data.batch_size 8"
TRAIN = f"{SMALL} --data.batch_size 4 --training.updates 4 --training.evaluate_every 2"


@pytest.fixture
def spoken_digits(shared, tmp_path):
    """A corpus of real speech: three digits in each utterance."""
    corpus, lines = tmp_path / "LibriSpeech", []
    for index, (name, reader) in enumerate(zip(("train-clean-100", *TESTS), READERS, strict=True)):
        speaker = f"20{index}"
        folder = corpus / name / speaker / "1"
        folder.mkdir(parents=True)
        texts = []
        for number in range(10):
            digits = [(number + offset) % 10 for offset in (0, 3, 7)]
            paths = [shared / f"data/fsdd/recordings/{d}_{reader}_{number}.wav" for d in digits]
            samples = np.concatenate([read_audio(str(path), 16000) for path in paths])
            soundfile.write(folder / f"{speaker}-1-{number:04d}.flac", samples, 16000)
            texts.append(f"{speaker}-1-{number:04d} {' '.join(WORDS[d] for d in digits)}\n")
        (folder / f"{speaker}-1.trans.txt").write_text("".join(texts))
        lines.append(f"{speaker} | M | {name} | 0.3 | {reader}\n")
    (corpus / "SPEAKERS.TXT").write_text("".join(lines))
    return tmp_path


@pytest.mark.slow
def test_from_the_corpus_to_error_rates(repository, spoken_digits, tmp_path):
    """All stages on real speech, and those that recognition adds."""
    recipe = copy_recipe(repository, "librispeech", tmp_path / "recipe")
    command = [recipe / "run.sh", "--db-dir", spoken_digits, "--nj", 1, "--ngpu", 0]
    command += ["--units-args", "--kind char --size null", "--finetune-tag", "a"]
    command += ["--pretrain-tag", "a", "--pretrain-args", PRETRAIN, "--finetune-args", TRAIN]
    said = succeed(*command, cwd=recipe)
    assert "train-clean-100: 10 of 28539 utterances\n" in said
    pieces = (recipe / "dump/units_train_100_kindchar_sizenull/units.txt").read_text().split()
    assert {"e", "z"} <= {piece.split()[0].strip("▁") for piece in pieces}
    for name in TESTS:
        score = recipe / f"exp/100/ctc_a/score_{name.replace('-', '_')}"
        result = json.loads((score / "result.json").read_text())
        assert result["clips"] == {"found": 10, "expected": 10}
        assert (result["kind"], result["words"]["reference"]) == ("recognition", 30)
