"""egs/audioset on tones in AudioSet's files: all layouts, and what can be wrong with them."""

import json
import random
import string

import numpy as np
import pytest
import soundfile
from recipes.copies import copy_recipe, run, succeed
from recipes.servers import serve
from recipes.sounds import clip, write_clip

from asda.corpus.datadir import DataDir, read_table

pytestmark = pytest.mark.slow

# AudioSet's classes that clips have here, in its order; the list is filled up to 527.
MIDS = {
    "Speech": "/m/09x0r",
    "Baby cry, infant cry": "/t/dd00002",
    "Animal": "/m/0jbk",
    "Bark": "/m/05tny_",
    "Crowing, cock-a-doodle-doo": "/m/07qn5dc",
    "Rain": "/m/06mb1",
    "Water": "/m/0838f",
    "Waves, surf": "/m/034srq",
}
CLIP_LABELS = [
    ["Bark", "Animal"],
    ["Rain", "Water"],
    ["Waves, surf", "Water"],
    ["Baby cry, infant cry"],
    ["Crowing, cock-a-doodle-doo", "Animal"],
]
LISTS = {"unbalanced_train": 8, "balanced_train": 3, "eval": 3}  # clips of each set of labels
SMALL = "--training.threads 1 --data.workers 0 --data.batch_size 5 --training.precision float32"
SMALL += " --data.max_frames 64"
PRETRAIN = f"{SMALL} --model.size tiny --model.depth 1 --model.num_masks 2 --training.updates 2"
FINETUNE = f"{SMALL} --training.updates 4 --training.evaluate_every 2"
FINETUNE += " --data.draws_per_epoch 20"


@pytest.fixture
def recipe(repository, tmp_path):
    return copy_recipe(repository, "audioset", tmp_path)


def write_lists(folder, segments):
    """Write the class list, and segment lists {part: [(video, start, end, [mid])]}."""
    folder.mkdir(parents=True, exist_ok=True)
    classes = MIDS | {f"Class {index}": f"/t/{index}" for index in range(len(MIDS), 527)}
    rows = [f'{i},{mid},"{name}"\n' for i, (name, mid) in enumerate(classes.items())]
    (folder / "class_labels_indices.csv").write_text("index,mid,display_name\n" + "".join(rows))
    for part, lines in segments.items():
        with open(folder / f"{part}_segments.csv", "w") as stream:
            print("# Segments csv", file=stream)
            print(f"# num_ytids={len(lines)}, num_segs={len(lines)}, etc.", file=stream)
            print("# YTID, start_seconds, end_seconds, positive_labels", file=stream)
            for video, start, end, labels in lines:
                print(f'{video}, {start:.3f}, {end:.3f}, "{",".join(labels)}"', file=stream)


class Corpus:
    """A folder of clips, some of which are missing or broken; `segments` are its lists."""

    def __init__(self, folder):
        self.folder = folder
        self.segments = {part: [] for part in LISTS}
        self.clips = {}  # video -> its class, as a pitch, and seed
        rng = random.Random(0)
        letters = string.ascii_letters + string.digits + "-_"
        for pitch, labels in enumerate(CLIP_LABELS):
            mids = [MIDS[label] for label in labels]
            for part, count in LISTS.items():
                for _ in range(count):
                    video = "".join(rng.choices(letters, k=11))
                    self.segments[part].append((video, 30, 35, mids))
                    self.clips[video] = pitch, len(self.clips)
        self.videos = {part: [line[0] for line in lines] for part, lines in self.segments.items()}
        write_lists(folder / "metadata", self.segments)

    def put(self, video, name, samples=None):
        """Write a clip, or `samples`, as the file `name`."""
        path = write_clip(self.folder / name, *self.clips[video])
        if samples is not None:
            soundfile.write(path, samples, 44100)
        return path


@pytest.fixture
def corpus(tmp_path):
    return Corpus(tmp_path / "audioset")


def prepare(recipe, corpus, *options):
    """Make the data directories; return what is printed."""
    return succeed(recipe / "local/data.sh", *options, corpus.folder, "data", cwd=recipe)


def test_from_the_lists_to_map(recipe, corpus):
    unbalanced, balanced, evaluation = corpus.videos.values()
    for video in (*unbalanced, *balanced, *evaluation):
        corpus.put(video, f"audio/{video}.ogg")
    missing, damaged, short = evaluation[0], evaluation[3], evaluation[6]
    (corpus.folder / f"audio/{missing}.ogg").unlink()
    truncated = corpus.folder / f"audio/{damaged}.ogg"
    truncated.write_bytes(truncated.read_bytes()[:20])
    (corpus.folder / f"audio/{short}.ogg").unlink()
    corpus.put(short, f"audio/{short}.wav", np.zeros(4000, np.int16))
    corpus.put(evaluation[1], f"more/Y{evaluation[1]}_30_35.wav")
    said = succeed(
        *(recipe / "run.sh", "--stage", "data", "--db-dir", corpus.folder, "--nj", 1),
        *("--ngpu", 0, "--subset", "2m", "--local-data-opts", "--valid-percent 25"),
        *("--pretrain-args", PRETRAIN, "--pretrain-tag", "a"),
        *("--finetune-args", FINETUNE, "--finetune-tag", "b"),
        cwd=recipe,
    )
    assert "eval: 12 of 15 clips (80.0%): 1 " in said
    assert "1 further copies of clips were found" in said
    result = json.loads((recipe / "exp/finetune_b/score/result.json").read_text())
    assert result["multi_label"]
    assert (result["metric"], result["classes"]) == ("mAP", 527)
    assert result["clips"] == {"found": 12, "expected": 12}
    train, valid = DataDir(recipe / "data/train_2m"), DataDir(recipe / "data/valid")
    assert len(train.utterances) + len(valid.utterances) == len(unbalanced) + len(balanced)
    assert {f"Y{video}" for video in balanced} <= set(train.utterances)
    assert f"Y{balanced[3]}" in DataDir(recipe / "data/train_20k").utterances


def test_every_layout_is_found(recipe, corpus):
    a, b, c, d, e, *_ = corpus.videos["balanced_train"]
    evaluation = corpus.videos["eval"][0]
    expected = {
        a: corpus.put(a, f"{a}.wav"),
        b: corpus.put(b, f"balanced/part00/{b}_30.000_35.000.flac"),
        c: corpus.put(c, f"balanced/part01/Y{c}.ogg"),
        d: corpus.put(d, f"Y{d}_30000_35000.wav"),
        e: corpus.put(e, f"{e}_30.FLAC"),
        evaluation: corpus.put(evaluation, f"eval/{evaluation}.wav"),
    }
    prepare(recipe, corpus)
    found = read_table(recipe / "data/train_20k/wav.scp") | read_table(recipe / "data/eval/wav.scp")
    assert found == {f"Y{video}": str(path) for video, path in expected.items()}
    lengths = read_table(recipe / "data/train_20k/utt2dur")
    assert set(lengths.values()) == {"5"}


def names_of(recipe, corpus, segments, names):
    """Return utterance -> file name of a corpus of these segments and empty-handed files."""
    write_lists(corpus.folder / "metadata", {"eval": segments})
    for part in ("unbalanced_train", "balanced_train"):
        (corpus.folder / f"metadata/{part}_segments.csv").unlink()
    some = next(iter(corpus.clips.values()))
    for name in names:
        write_clip(corpus.folder / name, *some)
    said = prepare(recipe, corpus)
    return {utterance: path.rpartition("/")[2] for utterance, path in audio(recipe).items()}, said


def test_names_of_downloaders(recipe, corpus):
    """Times in seconds, rounded or not, or in milliseconds; IDs with dashes and underscores."""
    starts = {
        "-a_b-c_d-e_": (30, "{}_30.0-35.0.wav"),
        "_a-b_c-d_e-": (30, "{}_30-35.ogg"),
        "abcdefghij1": (30.4, "{}_30.wav"),
        "abcdefghij2": (30.4, "{}_31_36.wav"),
        "abcdefghij3": (0, "{}_0.000_5.000.flac"),
        "abcdefghij4": (0, "{}_0_5000.wav"),
        "abcdefghij5": (120, "{}_120000_125000.wav"),
        "-bcdefghij6": (1230, "Y{}_1230.0-1235.0.wav"),
        "abcdefghij7": (1230.5, "{}_1230500-1235500.wav"),
    }
    segments = [(video, start, start + 5, [MIDS["Rain"]]) for video, (start, _) in starts.items()]
    expected = {f"Y{video}": name.format(video) for video, (_, name) in starts.items()}
    found, said = names_of(recipe, corpus, segments, expected.values())
    assert found == expected
    assert "ignored" not in said


def test_names_that_stand_for_no_segment(recipe, corpus):
    """Another part of the video, a name that is no time, a twin of a Mac."""
    segments = [
        (f"abcdefghij{n}", start, start + 5, [MIDS["Rain"]]) for n, start in enumerate((0, 30))
    ]
    names = ["abcdefghij0_30-35.wav", "abcdefghij1_0.0-5.0.wav", "abcdefghij1_mix.wav"]
    found, said = names_of(recipe, corpus, segments, [*names, "abcdefghij1_30-35.wav"])
    (corpus.folder / "._abcdefghij1_30-35.wav").write_bytes(b"\0\5\x16\7")
    assert found == {"Yabcdefghij1": "abcdefghij1_30-35.wav"}
    assert "2 audio files were ignored: the times in their names are not those" in said
    assert (
        "1 audio files were ignored: their names are not YTID, YTID_START, YTID_START_END" in said
    )
    assert prepare(recipe, corpus) == said


def test_an_id_that_begins_with_y_is_no_prefix(recipe, corpus):
    """Neither is the other, where both videos are listed."""
    lines = [("Yabcdefghij", 30, 35, [MIDS["Bark"]]), ("abcdefghijk", 30, 35, [MIDS["Rain"]])]
    corpus.clips |= dict.fromkeys((line[0] for line in lines), next(iter(corpus.clips.values())))
    write_lists(corpus.folder / "metadata", {"eval": lines})
    corpus.put("Yabcdefghij", "Yabcdefghij.wav")
    corpus.put("abcdefghijk", "Yabcdefghijk.wav")
    prepare(recipe, corpus)
    names = {utterance: path.rpartition("/")[2] for utterance, path in audio(recipe).items()}
    assert names == {"YYabcdefghij": "Yabcdefghij.wav", "Yabcdefghijk": "Yabcdefghijk.wav"}
    assert read_table(recipe / "data/eval/utt2label")["Yabcdefghijk"] == "Rain"


def audio(recipe):
    return read_table(recipe / "data/eval/wav.scp")


def test_copies(recipe, corpus):
    """Of two files the one with times is taken, unless it is broken; then another."""
    a, b, c = corpus.videos["eval"][:3]
    corpus.put(a, f"{a}.wav")
    corpus.put(a, f"more/{a}_30_35.ogg")
    corpus.put(b, f"{b}.flac")
    (corpus.folder / f"more/{b}_30_35.wav").write_bytes(b"RIFF no audio")
    corpus.put(c, f"{c}_70_75.wav")  # another segment of the video
    corpus.put(c, "aaaaaaaaaaa.wav")
    said = prepare(recipe, corpus)
    assert {u: p.rpartition("/")[2] for u, p in audio(recipe).items()} == {
        f"Y{a}": f"{a}_30_35.ogg",
        f"Y{b}": f"{b}.flac",
    }
    assert "2 further copies of clips were found" in said
    other, unlisted = f"{corpus.folder}/{c}_70_75.wav", f"{corpus.folder}/aaaaaaaaaaa.wav"
    for why in (
        f"the times in their names are not those of the lists, for example {other}",
        f"their video is not listed, for example {unlisted}",
    ):
        assert f"1 audio files were ignored: {why}" in said.splitlines()


def test_the_report_counts_what_is_wrong_by_class(recipe, corpus):
    videos = corpus.videos["eval"]
    for video in videos[4:]:
        corpus.put(video, f"{video}.ogg")
    for name, content in {videos[0]: b"", videos[1]: b"no audio"}.items():
        (corpus.folder / f"{name}.wav").write_bytes(content)
    corpus.put(videos[2], f"{videos[2]}.wav", np.zeros(4410, np.int16))
    corpus.put(videos[4], f"{videos[4]}_30.wav", np.ones(44100, np.int16))  # a fifth of the segment
    said = prepare(recipe, corpus)
    assert "eval: 11 of 15 clips (73.3%): " in said
    for reason in ("1 empty file", "1 not audio but text", "1 too short", "1 missing"):
        assert reason in said
    assert "classes with most clips missing: Bark 0 of 3" in said
    assert "1 usable clips end more than 0.5 s before" in said
    unusable = read_table(recipe / "data/report/unusable")
    assert unusable[f"Y{videos[2]}"] == "eval too short: 0.10 s"
    assert unusable[f"Y{videos[3]}"] == "eval missing"
    text = (recipe / "data/report/classes.tsv").read_text()
    rows = [line.split("\t") for line in text.splitlines()]
    assert rows[0][2:5] == ["eval listed", "eval usable", "eval fraction"]
    table = {row[1]: row[2:5] for row in rows[1:]}
    assert table["Bark"] == ["3", "0", "0.000"]
    assert table["Rain"] == ["3", "2", "0.667"]
    assert table["Speech"] == ["0", "0", "-"]


def test_clips_that_a_dump_could_not_decode_are_left_out(recipe, corpus, tmp_path):
    a, b = corpus.videos["eval"][:2]
    for video in (a, b):
        corpus.put(video, f"{video}.ogg")
    (tmp_path / "bad").write_text(f"Y{a} damaged: at its end\n")
    said = prepare(recipe, corpus, "--bad", tmp_path / "bad")
    assert "1 damaged" in said
    assert set(audio(recipe)) == {f"Y{b}"}


def test_weights_balance_classes(recipe, corpus):
    for part in ("unbalanced_train", "balanced_train"):
        for video in corpus.videos[part]:
            corpus.put(video, f"{video}.ogg")
    prepare(recipe, corpus, "--valid-percent", "0", "--weight-offset", "1")
    train = DataDir(recipe / "data/train_2m")
    weights = train.numbers("utt2weight")
    bark, rain = (
        next(u for u, labels in train.utt2label.items() if label in labels)
        for label in ("Bark", "Baby_cry,_infant_cry")
    )
    assert weights[bark] == pytest.approx(1000 / 12 + 1000 / 23, rel=1e-5)
    assert weights[rain] == pytest.approx(1000 / 12, rel=1e-5)
    assert not (recipe / "data/valid").exists()


def test_labels_as_mids(recipe, corpus):
    video = corpus.videos["eval"][0]
    corpus.put(video, f"{video}.ogg")
    prepare(recipe, corpus, "--labels", "mid")
    directory = DataDir(recipe / "data/eval")
    assert directory.labels[0] == "/m/09x0r"
    assert directory.utt2label[f"Y{video}"] == [MIDS["Bark"], MIDS["Animal"]]


def test_a_video_in_training_and_evaluation_is_only_evaluated(recipe, corpus):
    repeated = corpus.segments["eval"][0]
    corpus.segments["balanced_train"].append(repeated)
    write_lists(corpus.folder / "metadata", corpus.segments)
    for video in (repeated[0], corpus.videos["balanced_train"][0]):
        corpus.put(video, f"{video}.ogg")
    said = prepare(recipe, corpus)
    assert "balanced_train_segments.csv: 1 lines skipped: their video is already listed" in said
    assert set(audio(recipe)) == {f"Y{repeated[0]}"}
    assert f"Y{repeated[0]}" not in DataDir(recipe / "data/train_20k").utterances


@pytest.mark.parametrize("form", ["rows", "datasets"])
def test_hdf5(recipe, corpus, form):
    h5py = pytest.importorskip("h5py")
    a, b = corpus.videos["eval"][:2]
    sound, rate = clip(*corpus.clips[a]), 44100
    with h5py.File(corpus.folder / "eval.h5", "w") as file:
        if form == "rows":
            file["audio_name"] = np.array([f"Y{b}.wav", f"Y{a}.wav"], dtype="S20")
            file["waveform"] = np.stack([np.zeros_like(sound), sound])
            file.attrs["sample_rate"] = rate
        else:
            file[f"part/{a}"] = sound.astype(np.float32) / 32768
    if form == "datasets":
        done = run(recipe / "local/data.sh", corpus.folder, "data", cwd=recipe)
        assert "no attribute sample_rate; give the rate, for example --hdf5-rate" in done.stderr
    prepare(recipe, corpus, "--hdf5-rate", "44100")
    place = "1" if form == "rows" else f"part/{a}"
    assert audio(recipe)[f"Y{a}"] == f"{corpus.folder}/eval.h5@44100:{place}"
    dump = ["utils/dump_fbank.sh", "--nj", "1", "--max-bad", "0.5", "dump", "data/eval"]
    succeed(*dump, cwd=recipe)
    assert read_table(recipe / "dump/utt2num_frames")[f"Y{a}"] == "498"
    if form == "rows":
        assert "silent" in read_table(recipe / "dump/bad_utterances")[f"Y{b}"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('abcdefghijk, 0.000, ten, "/m/09x0r"', "eval_segments.csv:4: expected 'video, start"),
        ('abcdefghijk, 0.000, 10.000, "/m/none"', "eval_segments.csv:4: '/m/none' is not in"),
        ("", "0 segments, but its second line says 1"),
    ],
)
def test_lists_that_are_wrong(recipe, corpus, line, message):
    head = "# Segments csv\n# num_ytids=1, num_segs=1\n# YTID, etc.\n"
    path = corpus.folder / "metadata/eval_segments.csv"
    path.write_text(head + (f"{line}\n" if line else ""))
    done = run(recipe / "local/data.sh", corpus.folder, "data", cwd=recipe)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_all_wrong_lines_of_a_list_are_named(recipe, corpus):
    path = corpus.folder / "metadata/eval_segments.csv"
    with open(path, "a") as stream:
        stream.write('abcdefghijk, 0.000, ten, "/m/09x0r"\nabcdefghijl, 0.000, 10.000, "/m/none"\n')
    done = run(recipe / "local/data.sh", corpus.folder, "data", cwd=recipe)
    assert done.returncode == 1
    assert [line.split(": ")[0].rpartition("/")[2] for line in done.stderr.splitlines()[1:]] == [
        "eval_segments.csv:19",
        "eval_segments.csv:20",
    ]


def repeat_a_mid(corpus):
    path = corpus.folder / "metadata/class_labels_indices.csv"
    lines = path.read_text().splitlines()
    lines[3] = lines[3].replace(lines[3].split(",")[1], "/m/09x0r")
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("options", "damage", "message"),
    [
        (["--weight-offset", "-3"], None, "--weight-offset must be 0 or more, not -3"),
        (["--weight-offset", "nan"], None, "--weight-offset must be 0 or more, not nan"),
        (["--valid-percent", "-1"], None, "--valid-percent must be from 0 to 100, not -1"),
        (["--valid-percent", "101"], None, "--valid-percent must be from 0 to 100, not 101"),
        (["--valid-percent", "100"], None, "--valid-percent 100 leaves no training clips"),
        (["--lists", "cmd.sh"], None, "cmd.sh: no such folder; --lists takes"),
        ([], repeat_a_mid, "class_labels_indices.csv:4: '/m/09x0r' is also in line 2"),
    ],
)
def test_what_is_refused(recipe, corpus, options, damage, message):
    for video in corpus.videos["unbalanced_train"][:2]:
        corpus.put(video, f"{video}.ogg")
    if damage:
        damage(corpus)
    done = run(recipe / "local/data.sh", *options, corpus.folder, "data", cwd=recipe)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (recipe / "data/train_2m").exists()


def test_lists_with_dos_line_ends(recipe, corpus):
    for path in (corpus.folder / "metadata").iterdir():
        path.write_text(path.read_text(), encoding="utf-8-sig", newline="\r\n")
    video = corpus.videos["eval"][0]
    corpus.put(video, f"{video}.ogg")
    prepare(recipe, corpus)
    assert read_table(recipe / "data/eval/utt2label") == {f"Y{video}": "Bark Animal"}


@pytest.mark.parametrize("name", ["audioset", "fsdd"])
def test_help_downloads_nothing(repository, tmp_path, name):
    recipe = copy_recipe(repository, name, tmp_path)
    before = set(recipe.iterdir())
    said = succeed(recipe / "local/download.sh", "--help", cwd=recipe)
    assert said.startswith("usage: ")
    assert set(recipe.iterdir()) == before


def test_help_of_the_check_of_lists(recipe):
    assert "folder with the lists" in succeed(recipe / "local/segments.py", "--help", cwd=recipe)


def test_no_audio_is_an_error(recipe, corpus):
    done = run(recipe / "local/data.sh", corpus.folder, "data", cwd=recipe)
    assert done.returncode == 1
    assert "no usable audio of a listed video" in done.stderr
    assert "eval: 0 of 15 clips (0.0%): 15 missing" in done.stdout


def test_stage_0(recipe, corpus):
    """A broken transfer is continued; a list that is not whole is refused."""
    lists = corpus.folder / "metadata"
    whole = (lists / "balanced_train_segments.csv").read_bytes()
    (lists / "balanced_train_segments.csv").write_bytes(b"".join(whole.splitlines(True)[:-1]))
    with serve(lists) as server:
        command = ["local/download.sh", "downloads", "--url", server.url]
        assert run(*command, cwd=recipe).stderr.startswith("usage: ")
        command = ["local/download.sh", "--url", server.url, "downloads"]
        server.cut = 300
        assert "run again to resume" in run(*command, cwd=recipe).stderr
        server.cut = None
        refused = run(*command, cwd=recipe)
        assert ("eval_segments.csv", "bytes=300-") in server.requested
        assert "its second line says 15; remove the file and run stage 0 again" in refused.stderr
        (lists / "balanced_train_segments.csv").write_bytes(whole)
        (recipe / "downloads/metadata/balanced_train_segments.csv").unlink()
        assert "70 segments of 527 classes" in succeed(*command, cwd=recipe)
    assert (recipe / "downloads/metadata/balanced_train_segments.csv").read_bytes() == whole
