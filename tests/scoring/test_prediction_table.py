"""predictions.tsv against naive code, and the most confident errors in RESULTS.md."""

import csv
import math

import numpy as np
import pytest
from scoring.systems import multi_label, rows, score_folder, single_label

from asda.audio.wav_scp import AudioSegment
from asda.scoring.clip_tables import audio_files
from asda.scoring.folds import merge_folds
from asda.scoring.predictions import ScoredClips

PROBABILITY = {
    "probability": lambda score: score,
    "log_probability": math.exp,
    "logit": lambda score: 1 / (1 + math.exp(-score)),
}


def table(folder):
    with open(folder / "predictions.tsv", encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))


def on_scale(scored, scale):
    """Return the same clips with scores on a scale."""
    scores = scored.scores.astype(float)
    if scale != "logit":
        scores = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        scores = np.log(scores) if scale == "log_probability" else scores
    clips = (scored.utterances, scores.astype(np.float32), scored.targets, scored.labels)
    return ScoredClips(*clips, scale=scale)


@pytest.mark.parametrize("scale", PROBABILITY)
def test_one_label_per_clip(tmp_path, scale):
    scored = on_scale(single_label(), scale)
    expected = []
    for clip, name in enumerate(scored.utterances):
        p = [PROBABILITY[scale](float(score)) for score in scored.scores[clip]]
        true = list(scored.targets[clip]).index(1)
        predicted = p.index(max(p))
        margin = p[true] - max(p[c] for c in range(4) if c != true)
        expected.append((true == predicted, margin, name, true, predicted, p[predicted]))
    expected.sort()
    found = table(score_folder(tmp_path / "score", scored))
    assert [row["utterance"] for row in found] == [row[2] for row in expected]
    assert [row["true"] for row in found] == [f"class{row[3]}" for row in expected]
    assert [row["predicted"] for row in found] == [f"class{row[4]}" for row in expected]
    np.testing.assert_allclose(
        [float(row["score"]) for row in found], [r[5] for r in expected], 1e-5
    )
    margins = [float(row["margin"]) for row in found]
    np.testing.assert_allclose(margins, [r[1] for r in expected], rtol=1e-5, atol=1e-7)
    wrong = [row for row in found if row["true"] != row["predicted"]]
    assert found[: len(wrong)] == wrong and 5 < len(wrong) < 50
    assert {row["file"] for row in found} == {""}


def test_several_labels_per_clip(tmp_path):
    scored = multi_label()
    expected = []
    for clip, name in enumerate(scored.utterances):
        p = [PROBABILITY["logit"](float(score)) for score in scored.scores[clip]]
        true = [c for c in range(5) if scored.targets[clip, c]]
        said = [c for c in range(5) if p[c] >= 0.5]
        margin, worst = min((p[c] - 0.5 if c in true else 0.5 - p[c], c) for c in range(5))
        missed, false = set(true) - set(said), set(said) - set(true)
        wrong = bool(missed or false)
        expected.append((not wrong, margin, name, true, said, missed, false, worst, p[worst]))
    expected.sort()
    found = table(score_folder(tmp_path / "score", scored))
    assert [row["utterance"] for row in found] == [row[2] for row in expected]
    for place, column in enumerate(("true", "predicted", "missed", "false"), 3):
        words = [" ".join(f"class{c}" for c in sorted(row[place])) for row in expected]
        assert [row[column] for row in found] == words
    assert [row["worst"] for row in found] == [f"class{row[7]}" for row in expected]
    np.testing.assert_allclose(
        [float(row["score"]) for row in found], [r[8] for r in expected], 1e-5
    )


@pytest.fixture
def sources(tmp_path):
    """The audio of sixty clips: files, a segment, a command, a place in an archive."""
    data = tmp_path / "data"
    data.mkdir()
    names = [f"utt{clip:04d}" for clip in range(60)]
    recordings = {name: f"/audio/größe {name}.wav" for name in names}
    recordings["utt0001"] = "sox a.wav -t wav - |"
    recordings["utt0002"] = "packed.ark:17"
    recordings["utt0003"] = "relative.wav"
    (data / "wav.scp").write_text("".join(f"{k} {v}\n" for k, v in recordings.items()))
    times = {"utt0004": "1.5 3.25", "utt0005": "2 -1"}
    segments = [f"{name} {name} {times.get(name, '0 -1')}\n" for name in names]
    (data / "segments").write_text("".join(segments))
    return audio_files(data)


def test_audio_is_named_with_absolute_paths_and_times(tmp_path, sources, monkeypatch):
    expected = {
        "utt0000": ("/audio/größe utt0000.wav", "", ""),
        "utt0001": ("sox a.wav -t wav - |", "", ""),
        "utt0002": ("packed.ark:17", "", ""),
        "utt0004": ("/audio/größe utt0004.wav", "1.5", "3.25"),
        "utt0005": ("/audio/größe utt0005.wav", "2", ""),
    }
    score_folder(tmp_path / "score", single_label(), sources=sources)
    found = {r["utterance"]: (r["file"], r["start"], r["end"]) for r in table(tmp_path / "score")}
    assert expected.items() <= found.items()
    assert found["utt0003"][0].startswith("/") and found["utt0003"][0].endswith("/relative.wav")


def test_without_audio_nothing_is_named(tmp_path):
    assert audio_files(tmp_path) == {}


def test_the_most_confident_errors_are_on_the_page_with_links(tmp_path, sources):
    folder = score_folder(tmp_path / "score", single_label(signal=0.5), sources=sources)
    page = (folder / "RESULTS.md").read_text(encoding="utf-8")
    part = page.split("## The most confident errors")[1].split("\n## ")[0]
    shown, worst = rows(part)[1:], table(folder)
    wrong = [row for row in worst if row["true"] != row["predicted"]]
    assert len(shown) == 20 < len(wrong)
    for cells, row in zip(shown, wrong, strict=False):
        assert row["utterance"] in cells[0]
        assert cells[1:3] == [row["true"], row["predicted"]]
        assert float(cells[3]) == pytest.approx(float(row["score"]), abs=6e-4)
    plain = next(i for i, row in enumerate(wrong[:20]) if row["utterance"] > "utt0005")
    name = wrong[plain]["utterance"]
    assert shown[plain][0] == f"[{name}](</audio/größe {name}.wav>)"
    assert f"lists all 60 clips in this order, {len(wrong)} of them with errors" in part


@pytest.mark.parametrize(
    ("segment", "link"),
    [
        (AudioSegment("/a b.wav", 1.5, 3.25), "[utt0000](</a b.wav>), 1.5 s to 3.25 s"),
        (AudioSegment("/a.wav", 2.0), "[utt0000](</a.wav>), 2 s to the end"),
        (AudioSegment("/<a>.wav"), "[utt0000](</%3Ca%3E.wav>)"),
        (AudioSegment("/a.ark:17"), "utt0000 (`/a.ark:17`)"),
        (AudioSegment("sox a -t wav - |"), "utt0000 (`sox a -t wav - \\|`)"),
    ],
)
def test_links(tmp_path, segment, link):
    scored = single_label(clips=4)
    scored.scores[:] = 1 - scored.targets
    folder = score_folder(tmp_path / "score", scored, sources={"utt0000": segment})
    assert f"| {link} " in (folder / "RESULTS.md").read_text(encoding="utf-8")


def test_a_system_without_errors_has_no_list_of_them(tmp_path):
    folder = score_folder(tmp_path / "score", single_label(signal=100))
    assert "most confident errors" not in (folder / "RESULTS.md").read_text(encoding="utf-8")
    assert len(table(folder)) == 60


def test_merged_folds_keep_the_audio(tmp_path):
    parts, names = [], []
    for fold in (1, 2):
        scored = single_label(first=1000 * fold)
        names += list(scored.utterances)
        audio = {name: AudioSegment(f"/{name}.wav", 1.0, 2.5) for name in scored.utterances}
        parts.append(score_folder(tmp_path / f"fold{fold}/score", scored, sources=audio))
    merge_folds(parts, tmp_path / "all/score")
    found = table(tmp_path / "all/score")
    assert sorted(row["utterance"] for row in found) == sorted(names)
    for row in found:
        times = (row["file"], row["start"], row["end"])
        assert times == (f"/{row['utterance']}.wav", "1", "2.5")


def test_folds_on_other_scales_are_merged_by_probability(tmp_path):
    parts = [
        score_folder(tmp_path / f"{scale}/score", on_scale(single_label(first=first), scale))
        for first, scale in ((0, "logit"), (1000, "log_probability"))
    ]
    merge_folds(parts, tmp_path / "all/score")
    pooled = ScoredClips.load(tmp_path / "all/score")
    expected = np.concatenate([ScoredClips.load(part).probabilities() for part in parts])
    assert pooled.scale == "probability"
    np.testing.assert_allclose(pooled.scores, expected, rtol=1e-6)
