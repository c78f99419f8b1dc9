"""What the page about an experiment shows of recognised speech."""

import html
import re

import pytest
from inference.model_files import write_model
from report.experiments import sounds
from report.test_report_page import data_of, page_of, sections
from scoring.recognised import recognised
from scoring.systems import score_folder

from asda.checkpoint import tensor_files
from asda.report import recognised_clips
from asda.scoring.recognition_rows import hypothesis_rows
from asda.scoring.recognition_scores import RecognitionScores


@pytest.fixture(scope="module")
def scored():
    return recognised()


@pytest.fixture(scope="module")
def page(scored, tmp_path_factory):
    root = tmp_path_factory.mktemp("exp")
    score_folder(root / "score", scored, sources=sounds(root / "audio", scored))
    return page_of(root)


def aligned(page):
    """Return the words of each aligned utterance as (reference, hypothesis)."""
    found = []
    for paragraph in re.findall(r'<p class="aligned".*?</p>', page, re.DOTALL):
        spans = re.findall(r"<span>(.*?)</span>", paragraph)
        cells = [re.fullmatch(r"<del>(.*?)</del> <ins>(.*?)</ins>", span) for span in spans]
        pairs = [c.groups() if c else (s, s) for c, s in zip(cells, spans, strict=True)]
        found.append([tuple(map(html.unescape, pair)) for pair in pairs])
    return found


def test_a_page_has_aligned_utterances_speakers_languages_and_confusions(page):
    assert sections(page) == [
        "Results on data/test",
        "Utterances with the most errors",
        "Languages",
        "Speakers",
        "Most frequent word errors",
        "Origin of the results",
        "",  # of the list of clips
    ]
    for name in re.findall(r'<a href="#(.*?)"', page):
        assert f'id="{name}"' in page


def test_the_utterances_with_the_most_errors_are_aligned_and_can_be_heard(page, scored):
    rows = hypothesis_rows(scored, {})[:20]
    shown = aligned(page)
    assert len(shown) == len([row for row in rows if row["errors"]]) == 20
    for row, words in zip(rows, shown, strict=True):
        reference, hypothesis = (
            " ".join(word for word in text if word != "*") for text in zip(*words, strict=True)
        )
        assert (reference, hypothesis) == (row["reference"], row["hypothesis"])
    data = data_of(page)
    assert [clip["name"] for clip in data["clips"]] == [row["utterance"] for row in rows]
    assert len(data["players"]) == 20
    assert page.count('alt="Spectrogram of') == 20


def test_the_speakers_and_the_intervals_over_them(page):
    assert "Intervals over 8 speakers" in page
    table = page.split('<caption class="hidden">Error rates of each speaker')[1].split("</table>")
    names = re.findall(r'<th scope="row">(.*?)</th>', table[0])
    assert sorted(names) == [f"spk{number}" for number in range(8)]


def test_features_of_unknown_settings_leave_the_page_without_the_model(tmp_path, capsys):
    """Spectrograms are then drawn with the settings that asda dumps with."""
    write_model(tmp_path / "model.pt")
    content = tensor_files.load(tmp_path / "model.pt")
    tensor_files.save(content | {"fbank": {}}, tmp_path / "model.pt")
    scored = recognised(clips=4)
    score_folder(tmp_path / "score", scored, sources=sounds(tmp_path / "audio", scored))
    assert "Spectrogram of" in page_of(tmp_path)
    assert "was trained on features of unknown settings" in capsys.readouterr().err


def test_texts_are_not_interpreted_as_html(tmp_path):
    texts = ["<script>alert(1)</script> a"], ["<b>b</b>"]
    score_folder(tmp_path / "score", RecognitionScores(["u1"], *texts, ["<i>anna</i>"]))
    page = page_of(tmp_path)
    assert "alert(1)&lt;/script&gt;" in page
    assert not re.search(r"<b>b|<i>anna|<script>alert", page)


def test_one_speaker_says_why_its_interval_has_no_ends(tmp_path):
    score_folder(tmp_path / "score", recognised(speakers=1))
    page = page_of(tmp_path)
    assert "Intervals over 1 speaker<" in page
    assert "All utterances are of one speaker." in page
    assert "Speakers" not in sections(page)


def test_a_result_without_errors_has_no_lists_of_them(tmp_path):
    score_folder(tmp_path / "score", RecognitionScores(["u1"], ["a"], ["a"]))
    assert sections(page_of(tmp_path)) == ["Results on data/test", "Origin of the results"]


def test_a_long_alignment_is_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(recognised_clips, "MOST_WORDS", 3)
    score_folder(tmp_path / "score", RecognitionScores(["u1"], ["a b c d"], ["a b c e"]))
    assert [word for word, _ in aligned(page_of(tmp_path))[0]] == ["a", "b", "c", "…"]
