"""The score folder of recognition: aligned errors, confusions, speakers, files for sclite."""

import csv
import json

import numpy as np
import pytest
from scoring.recognised import recognised
from scoring.systems import score_folder

from asda.audio.wav_scp import AudioSegment
from asda.scoring.clip_tables import read_sources
from asda.scoring.compare import read_result
from asda.scoring.intervals import intervals
from asda.scoring.recognition_scores import RecognitionScores

SOURCES = {
    "u1": AudioSegment("/audio/first file.wav", 1.5, 3.25),
    "u2": AudioSegment("/audio/second.wav"),
}


def small(**columns):
    """Return three utterances: one with two errors, one right, one with an empty reference."""
    texts = ["u1", "u2", "u3"], ["the cat sat", "мир", ""], ["a cat sat down", "мир", "oh"]
    return RecognitionScores(*texts, **columns)


def table(path):
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exp") / "score"
    scored = small(speakers=["anna", "ben", "anna"], languages=["en", "ru", "en"])
    return score_folder(folder, scored, sources=SOURCES)


def test_the_files(folder):
    assert {path.name for path in folder.iterdir()} == {
        "scores.npz",
        "result.json",
        "RESULTS.md",
        "hypotheses.tsv",
        "ref.trn",
        "hyp.trn",
        "alignments.txt",
        "word_confusions.tsv",
        "per_speaker.tsv",
        "per_language.tsv",
    }


def test_hypotheses_have_the_most_errors_first(folder):
    found = table(folder / "hypotheses.tsv")
    assert [row["utterance"] for row in found] == ["u1", "u3", "u2"]
    assert found[0] == {
        "utterance": "u1",
        "file": "/audio/first file.wav",
        "start": "1.5",
        "end": "3.25",
        "speaker": "anna",
        "language": "en",
        "errors": "2",
        "words": "3",
        "character_errors": "8",
        "characters": "11",
        "reference": "the cat sat",
        "hypothesis": "a cat sat down",
    }
    assert read_sources(folder) == SOURCES


def test_files_for_sclite_have_speaker_and_utterance(folder):
    lines = (folder / "hyp.trn").read_text(encoding="utf-8").splitlines()
    assert lines == ["a cat sat down (anna-u1)", "мир (ben-u2)", "oh (anna-u3)"]
    lines = (folder / "ref.trn").read_text(encoding="utf-8").splitlines()
    assert lines[2] == "(anna-u3)"


def test_alignments(folder):
    assert (folder / "alignments.txt").read_text(encoding="utf-8") == (
        "u1: 2 errors in 3 words: 1 substitution, 1 insertion\n"
        "REF: the cat sat ****\n"
        "HYP: a   cat sat down\n"
        "     S           I\n\n"
        "u3: 1 error in 0 words: 1 insertion\n"
        "REF: **\n"
        "HYP: oh\n"
        "     I\n\n"
        "u2: 0 errors in 1 word\n"
        "REF: мир\n"
        "HYP: мир\n"
        "\n\n"
    )


def test_confused_words(folder):
    assert table(folder / "word_confusions.tsv") == [
        {"error": "insertion", "reference": "", "hypothesis": "down", "count": "1"},
        {"error": "insertion", "reference": "", "hypothesis": "oh", "count": "1"},
        {"error": "substitution", "reference": "the", "hypothesis": "a", "count": "1"},
    ]


def test_speakers_have_their_own_rates(folder):
    anna, ben = table(folder / "per_speaker.tsv")
    assert (anna["speaker"], anna["utterances"], anna["words"]) == ("anna", "2", "3")
    assert float(anna["WER"]) == 1
    assert float(anna["SER"]) == 1
    assert [anna[name] for name in ("substitutions", "deletions", "insertions")] == ["1", "0", "2"]
    assert float(ben["WER"]) == 0 and ben["WER_low"] == ""  # one utterance shows no variation


def test_the_page(folder):
    page = (folder / "RESULTS.md").read_text(encoding="utf-8")
    assert "on 3 utterances with 4 words (95% interval)" in page
    assert "| insertions    | 2      | 50.0           |" in page
    assert "One reference is empty" in page
    assert "| en       | 2" in page
    assert "[u1](</audio/first file.wav>), 1.5 s to 3.25 s: 2 errors in 3 words" in page
    assert "```text\nREF: the cat sat ****\n" in page
    assert "u2" not in page.split("## Utterances")[1]
    assert "list all 3 utterances in this order, 2 of them with errors" in page


def test_intervals_over_speakers_are_in_the_result_and_on_the_page(tmp_path):
    scored = recognised()
    score_folder(tmp_path, scored)
    result = read_result(tmp_path)
    expected = intervals(scored.measurable(), np.arange(40) % 8)
    assert result["over_speakers"]["speakers"] == 8
    for name, interval in expected.items():
        assert result["over_speakers"]["metrics"][name] == interval._asdict()
        assert result["metrics"][name] == intervals(scored.measurable())[name]._asdict()
    value, low, high = (100 * end for end in expected["WER"])
    page = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "over 8 speakers" in page
    assert f"{value:.1f} [{low:.1f}, {high:.1f}] |" in page


def test_one_speaker_has_an_interval_without_ends_that_says_why(tmp_path):
    score_folder(tmp_path, recognised(speakers=1))
    found = read_result(tmp_path)["over_speakers"]
    assert found["metrics"]["WER"]["low"] is None
    page = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "over 1 speaker " in page and "[–, –]" in page
    assert "All utterances are of one speaker. They do not show how error rates vary" in page
    assert "## Speakers" not in page


def test_without_speakers_there_is_no_interval_over_them(tmp_path):
    score_folder(tmp_path, small(speakers=["anna", "ben", "anna"]))
    score_folder(tmp_path, small())  # the same folder: what no longer holds is removed
    assert read_result(tmp_path)["over_speakers"] is None
    assert not (tmp_path / "per_speaker.tsv").exists()
    assert "over speakers" not in (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    lines = (tmp_path / "hyp.trn").read_text(encoding="utf-8").splitlines()
    assert lines[1] == "мир (u2)"
    assert read_sources(tmp_path) == {}


def test_some_speakers_unknown(tmp_path):
    score_folder(tmp_path, small(speakers=["anna", "", "ben"]))
    found = read_result(tmp_path)["over_speakers"]
    assert found["speakers"] == 2 and not found["metrics"]
    page = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "1 utterances have no speaker, so speakers cannot be drawn." in page


def test_a_perfect_result_and_one_without_words(tmp_path):
    texts = ["a b", "c"]
    score_folder(tmp_path / "right", RecognitionScores(["u1", "u2"], texts, texts))
    page = (tmp_path / "right/RESULTS.md").read_text(encoding="utf-8")
    assert "**WER % 0.0 [0.0, 0.0]**" in page
    assert "Utterances with the most" not in page and "Most frequent" not in page
    score_folder(tmp_path / "empty", RecognitionScores(["u1"], [""], ["oh"], ["anna"]))
    assert read_result(tmp_path / "empty")["metrics"]["WER"]["value"] is None
    assert "**WER % – [–, –]**" in (tmp_path / "empty/RESULTS.md").read_text(encoding="utf-8")


def test_result_json_lists_the_most_frequent_errors_of_each_kind(tmp_path):
    numbers = [f"w{number}" for number in range(80)]
    scored = RecognitionScores(["u1", "u2"], [" ".join(numbers), "x"], ["", "x y"])
    score_folder(tmp_path, scored)
    found = json.loads((tmp_path / "result.json").read_text())["word_confusions"]
    assert [row["error"] for row in found].count("deletion") == 50
    assert found[-1] == {"error": "insertion", "reference": "", "hypothesis": "y", "count": 1}
    assert len(table(tmp_path / "word_confusions.tsv")) == 81
