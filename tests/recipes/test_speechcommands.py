"""egs/speechcommands on tones in the layout of Speech Commands, from stage 0 to 5."""

import hashlib
import itertools
import json
import re
import shutil

import numpy as np
import pytest
import soundfile
from recipes.copies import copy_recipe, run, succeed
from recipes.servers import pack, serve
from recipes.sounds import write_clip

from asda.corpus.datadir import DataDir

pytestmark = pytest.mark.slow

SPEAKERS = {"train": ("george", "jackson", "lucas", "nicolas"), "valid": ["theo"]}
SPEAKERS["test"] = ["yweweler"]
# Seven commands, and three words that are none.
WORDS = ["yes", "no", "up", "down", "left", "right", "on", "bed", "bird", "cat"]
SMALL = "--training.threads 1 --data.workers 0 --data.batch_size 10 --data.min_frames 8"
SMALL += " --training.precision float32"
PRETRAIN = f"{SMALL} --model.size tiny --model.depth 1 --model.num_masks 2 --training.updates 2"
FINETUNE = f"{SMALL} --training.updates 4 --training.evaluate_every 2"


def hashed(speaker):
    return hashlib.sha1(speaker.encode()).hexdigest()[:8]


@pytest.fixture(scope="module")
def downloads(tmp_path_factory):
    """Both unpacked archives: three takes of each word and speaker, and background noise."""
    folder = tmp_path_factory.mktemp("downloads")
    corpus, test_set = folder / "speech_commands_v0.02", folder / "speech_commands_test_set_v0.02"
    lists, seeds = {"train": [], "valid": [], "test": []}, itertools.count()
    for name, speakers in SPEAKERS.items():
        for speaker in speakers:
            for pitch, word in enumerate(WORDS):
                for take in range(3):
                    clip = f"{word}/{hashed(speaker)}_nohash_{take}.wav"
                    lists[name].append(clip)
                    write_clip(corpus / clip, pitch, seed=next(seeds), seconds=0.4, rate=8000)
    for name, file in {"valid": "validation_list.txt", "test": "testing_list.txt"}.items():
        (corpus / file).write_text("".join(f"{clip}\n" for clip in lists[name]))
    (corpus / "README.md").write_text("no clip\n")
    (corpus / "_background_noise_").mkdir()
    noise = np.random.default_rng(0).normal(0, 0.1, (2, 16000 * 21 + 5))
    for number, samples in enumerate(noise):
        soundfile.write(corpus / f"_background_noise_/noise_{number}.wav", samples, 16000)
    for label in ("yes", "no", "_unknown_", "_silence_"):
        (test_set / label).mkdir(parents=True)
    for clip in lists["test"]:
        word, _, file = clip.partition("/")
        if word in ("yes", "no", "bed"):
            label = "_unknown_" if word == "bed" else word
            shutil.copyfile(corpus / clip, test_set / label / file)
    soundfile.write(test_set / "_silence_/0.wav", noise[0, :16000], 16000)
    return folder


@pytest.fixture(scope="module")
def recipe(repository, tmp_path_factory):
    return copy_recipe(repository, "speechcommands", tmp_path_factory.mktemp("recipe"))


def stages(recipe, first, last, *options):
    return succeed(
        *(recipe / "run.sh", "--stage", first, "--stop-stage", last, "--nj", 1, "--ngpu", 0),
        *("--pretrain-tag", "a", "--pretrain-args", PRETRAIN),
        *("--finetune-tag", "b", "--finetune-args", FINETUNE, *options),
        cwd=recipe,
    )


def test_from_the_corpus_to_a_score(recipe, downloads):
    said = stages(recipe, "data", "score", "--db-dir", downloads)
    assert "180 of 105829 clips, 10 of 35 words found" in said
    result = json.loads((recipe / "exp/v2_35/finetune_b/score/result.json").read_text())
    assert result["clips"] == {"found": 30, "expected": 30}
    assert result["metric"] == "accuracy"
    assert result["classes"] == 10
    assert result["provenance"]["data"] == "data/v2_35/test"


def test_the_lists_make_the_sets(recipe, downloads):
    corpus = downloads / "speech_commands_v0.02"  # the corpus itself, instead of its folder
    stages(recipe, "data", "data", "--db-dir", corpus)
    for name, speakers in SPEAKERS.items():
        directory = DataDir(recipe / "data/v2_35" / name)
        assert directory.labels == sorted(WORDS)
        assert set(directory.table("utt2spk").values()) == {hashed(s) for s in speakers}
        assert len(directory.utterances) == 30 * len(speakers)
    assert directory.utt2label[f"{hashed('yweweler')}_bed_2"] == ["bed"]
    source = directory.table("wav.scp")[f"{hashed('yweweler')}_bed_2"]
    assert source == f"{corpus}/bed/{hashed('yweweler')}_nohash_2.wav"


def test_twelve_classes(recipe, downloads):
    stages(recipe, "data", "dump", "--form", "v2_12", "--db-dir", downloads)
    train, valid, test = (DataDir(recipe / "data/v2_12" / name) for name in SPEAKERS)
    assert train.labels == valid.labels == test.labels
    assert len(train.labels) == 12
    silence = [u for u, labels in train.utt2label.items() if labels == ["_silence_"]]
    assert len(silence) == 2 * 18
    unknown = [u for u, labels in train.utt2label.items() if labels == ["_unknown_"]]
    assert {u.split("_")[1] for u in unknown} == {"bed", "bird", "cat"}
    assert valid.segments()["noise-noise_0_010"] == ("noise-noise_0", 10, 11)
    assert not set(train.utterances) & set(valid.utterances)
    weights = train.numbers("utt2weight")
    totals = {
        label: sum(weights[u] for u, labels in train.utt2label.items() if labels == [label])
        for label in ("yes", "_silence_", "_unknown_")
    }
    assert totals == pytest.approx(dict.fromkeys(totals, 1000), rel=1e-3)
    assert len(test.utterances) == 3 * 3 + 1
    assert test.utt2label[f"{hashed('yweweler')}_test-_unknown__0"] == ["_unknown_"]
    frames = DataDir(recipe / "dump/v2/fbank").numbers("utt2num_frames")
    assert frames["noise-noise_0_010"] == 98
    assert frames.keys() >= {*train.utterances, *valid.utterances, *test.utterances}


def test_version_1_is_its_own_folder(recipe, downloads, tmp_path):
    (tmp_path / "speech_commands_v0.01").symlink_to(downloads / "speech_commands_v0.02")
    options = ["--form", "v1_30", "--db-dir", tmp_path, "--local-data-opts", ""]
    said = stages(recipe, "data", "dump", *options)
    assert "180 of 64721 clips, 10 of 30 words found" in said
    assert (recipe / "dump/v1/fbank/feats.scp").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--form", "v3"], "--form must be v2_35 or v1_30 or v2_12 or v1_12, not 'v3'"),
        (["--form"], "option --form needs a value"),
        (["--from", "v1_30"], "unknown option --from"),
    ],
)
def test_wrong_options(recipe, options, message):
    done = run(recipe / "run.sh", *options, cwd=recipe)
    assert done.returncode == 1
    assert message in done.stderr


def test_help_shows_the_form(recipe):
    assert "--form FORM             v2_35, v1_30" in succeed(
        recipe / "run.sh", "--help", cwd=recipe
    )


def test_an_incomplete_corpus_is_refused(recipe, downloads, tmp_path):
    shutil.copytree(downloads / "speech_commands_v0.02", tmp_path / "corpus")
    (tmp_path / f"corpus/bird/{hashed('theo')}_nohash_1.wav").unlink()
    done = run(recipe / "local/data.py", "v2_35", tmp_path / "corpus", "data/new", cwd=recipe)
    assert done.returncode == 1
    assert re.search(r"validation_list.txt:26: no file bird/\w+_nohash_1.wav", done.stderr)
    done = run(recipe / "local/data.py", "v2_12", tmp_path, "data/new", cwd=recipe)
    assert "validation_list.txt: no such file" in done.stderr
    assert not (recipe / "data/new").exists()


def test_lists_with_dos_line_ends_and_blank_lines(recipe, downloads, tmp_path):
    corpus = tmp_path / "corpus"
    shutil.copytree(downloads / "speech_commands_v0.02", corpus)
    for path in corpus.glob("*_list.txt"):
        path.write_text(f"{path.read_text()}\n", encoding="utf-8-sig", newline="\r\n")
    succeed(recipe / "local/data.py", "v2_35", corpus, tmp_path / "data", cwd=recipe)
    for name, speakers in SPEAKERS.items():
        assert len(DataDir(tmp_path / "data/v2_35" / name).utterances) == 30 * len(speakers)


def test_twins_that_a_mac_leaves_are_no_clips(recipe, downloads, tmp_path):
    """Of words, of the test set and of background noise."""
    shutil.copytree(downloads, tmp_path / "downloads")
    for path in (tmp_path / "downloads").rglob("*.wav"):
        (path.parent / f"._{path.name}").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")
    for form in ("v2_35", "v2_12"):
        for corpus, data in ((downloads, "clean"), (tmp_path / "downloads", "twins")):
            command = [recipe / "local/data.py", form, corpus, tmp_path / data]
            said = succeed(*command, cwd=recipe)
            assert "180 of 105829 clips, 10 of 35 words found" in said
        for name in SPEAKERS:
            clean, twins = (DataDir(tmp_path / f"{d}/{form}/{name}") for d in ("clean", "twins"))
            assert twins.utterances == clean.utterances
            assert twins.utt2label == clean.utt2label


def test_all_missing_clips_are_named_at_once(recipe, downloads, tmp_path):
    shutil.copytree(downloads / "speech_commands_v0.02", tmp_path / "corpus")
    for take in (0, 2):
        (tmp_path / f"corpus/bird/{hashed('theo')}_nohash_{take}.wav").unlink()
    done = run(recipe / "local/data.py", "v2_35", tmp_path / "corpus", "data/new", cwd=recipe)
    assert done.returncode == 1
    head, *lines = done.stderr.splitlines()
    assert head.endswith("validation_list.txt: 2 lines are wrong")
    assert [line.split(":")[1] for line in lines] == ["25", "27"]


@pytest.mark.parametrize(("script", "words"), [("data.sh", ["data"]), ("download.sh", [])])
def test_an_unknown_form_is_refused(recipe, downloads, script, words):
    done = run(recipe / "local" / script, "--form", "v2_99", downloads, *words, cwd=recipe)
    assert done.returncode == 1
    assert "v2_35, v1_30, v2_12 or v1_12, not 'v2_99'" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (recipe / "data/v2_99").exists()


def test_stage_0(repository, downloads, tmp_path):
    """A broken transfer is continued, and a wrong archive is refused."""
    recipe = copy_recipe(repository, "speechcommands", tmp_path)
    sums = {
        name: pack(downloads / name, tmp_path / f"{name}.tar.gz")
        for name in ("speech_commands_v0.02", "speech_commands_test_set_v0.02")
    }
    script = recipe / "local/download.sh"
    text = script.read_text()
    with serve(tmp_path) as server:
        command = [script, "--form", "v2_12", "--url", server.url, "downloads"]
        refused = run(*command, cwd=recipe)
        assert "speech_commands_v0.02.tar.gz has SHA-256" in refused.stderr
        assert not (recipe / "downloads/speech_commands_v0.02").exists()
        (recipe / "downloads/speech_commands_v0.02.tar.gz").unlink()

        for name, found in sums.items():
            text = re.sub(rf"(?<={name} )\w+", found, text)
        script.write_text(text)
        server.cut = 10000
        broken = run(*command, cwd=recipe)
        assert "run again to resume" in broken.stderr
        assert not (recipe / "downloads/speech_commands_v0.02").exists()
        server.cut = None
        succeed(*command, cwd=recipe)
        assert ("speech_commands_v0.02.tar.gz", "bytes=10000-") in server.requested
        for name in sums:
            same = run("diff", "-r", downloads / name, recipe / "downloads" / name, cwd=recipe)
            assert same.returncode == 0, same.stdout
        assert not list((recipe / "downloads").glob("*.tar.gz*"))
        count = len(server.requested)
        succeed(*command, cwd=recipe)
        assert len(server.requested) == count
