"""Error rates of recognition: their values, intervals, comparisons and folds."""

import jiwer
import numpy as np
import pytest
from scoring.recognised import recognised
from scoring.systems import rows, score_folder

from asda.cli import main
from asda.files import InputError
from asda.scoring.compare import Comparison, read_result
from asda.scoring.folds import merge_folds
from asda.scoring.intervals import bootstrap_weights, intervals
from asda.scoring.recognition_scores import RecognitionScores
from asda.scoring.score_kinds import read_scores


def rates(scored):
    return {name: value[0] for name, value in scored.measurable().measure().items()}


def test_rates_by_hand():
    """3 errors in 5 words; 4 + 2 characters wrong of 11 + 7; 2 of 3 sentences wrong."""
    scored = RecognitionScores(
        ["u1", "u2", "u3"],
        ["the cat sat", "oh  well", ""],
        ["the cat", "oh wall uh", ""],
    )
    found = rates(scored)
    assert found["WER"] == 3 / 5
    assert found["CER"] == pytest.approx((4 + 4) / (11 + 7))
    assert found["SER"] == 2 / 3


def test_rates_are_those_of_jiwer():
    scored = recognised()
    pair = scored.references.tolist(), scored.hypotheses.tolist()
    found = rates(scored)
    assert found["WER"] == pytest.approx(jiwer.wer(*pair), rel=1e-12)
    assert found["CER"] == pytest.approx(jiwer.cer(*pair), rel=1e-12)
    assert found["SER"] == np.mean(scored.references != scored.hypotheses)


def test_words_recognised_in_an_empty_reference_are_insertions():
    scored = RecognitionScores(["a", "b"], ["", "one two"], ["oh", "one two"])
    assert rates(scored) == {"WER": 1 / 2, "CER": 2 / 7, "SER": 1 / 2}
    assert np.isnan(rates(RecognitionScores(["a"], [""], ["oh"]))["WER"])


def test_intervals_draw_utterances_or_speakers():
    scored = recognised()
    words = np.array([len(text.split()) for text in scored.references])
    for groups in (None, np.arange(40) % 8):
        weights = np.hstack(list(bootstrap_weights(40, groups)))
        redrawn = (scored.word_errors @ weights) / (words @ weights)
        value = scored.word_errors.sum() / words.sum()
        ends = np.quantile(redrawn, [0.025, 0.975]) - 2 * (redrawn.mean() - value)
        found = intervals(scored.measurable(), groups)["WER"]
        np.testing.assert_allclose(found, [value, *ends], rtol=1e-6)


def test_what_is_saved_is_read(tmp_path):
    scored = recognised()
    scored.save(tmp_path)
    found = read_scores(tmp_path)
    assert isinstance(found, RecognitionScores)
    for name, column in scored.arrays().items():
        np.testing.assert_array_equal(found.arrays()[name], column)


def test_numbers_of_entries_that_differ_are_refused():
    with pytest.raises(ValueError, match="'hypotheses': 1"):
        RecognitionScores(["a", "b"], ["x", "y"], ["x"])
    with pytest.raises(InputError, match="no utterances were recognised"):
        RecognitionScores([], [], [])


@pytest.fixture(scope="module")
def exp(tmp_path_factory):
    root = tmp_path_factory.mktemp("exp")
    for name, rate in (("good", 0.1), ("bad", 0.5)):
        score_folder(root / name / "score", recognised(rate), expected=40)
    for fold in (1, 2):
        scored = recognised(clips=20, first=1000 * fold)
        score_folder(root / f"fold{fold}/score", scored, expected=20)
    lines = [f"utt{number:04d} spk{number % 8}\n" for number in range(40)]
    (root / "utt2spk").write_text("".join(lines))
    return root


def test_the_list_has_the_lowest_error_rate_first(exp, capsys):
    main(["results", "list", str(exp)])
    found = rows(capsys.readouterr().out)[1:]
    assert found[0][0] == "good"
    assert all(row[3].startswith("WER % ") for row in found)
    main(["results", "list", str(exp), "--metric", "CER"])
    assert "CER % " in capsys.readouterr().out


def test_systems_are_compared_on_redrawn_speakers(exp, capsys):
    folders = [str(exp / name) for name in ("bad", "good")]
    main(["results", "compare", *folders, "--groups", str(exp / "utt2spk")])
    header, first, second = rows(capsys.readouterr().out)
    bad, good = (rates(recognised(rate))["WER"] for rate in (0.5, 0.1))
    assert header[1] == "WER % [95 %]"
    assert first[1].startswith(f"{100 * bad:.1f} [")
    assert second[2].startswith(f"{100 * (good - bad):+.1f} [") and second[2].endswith("*")


def test_systems_with_other_references_are_not_compared(exp, tmp_path):
    scored = recognised(0.1)
    scored.references[3] = "something else"
    score_folder(tmp_path, scored)
    with pytest.raises(InputError, match=r"disagree on the truth of 1 clips \(first: utt0003\)"):
        Comparison(exp / "bad/score").differences(tmp_path)


def test_folds_are_pooled(exp, tmp_path):
    merge_folds([exp / "fold1", exp / "fold2"], tmp_path / "all/score")
    parts = [recognised(clips=20, first=1000 * fold) for fold in (1, 2)]
    errors = sum(part.word_errors.sum() for part in parts)
    words = sum(len(text.split()) for part in parts for text in part.references)
    result = read_result(tmp_path / "all/score")
    assert result["metrics"]["WER"]["value"] == errors / words
    mean = np.mean([rates(part)["WER"] for part in parts])
    assert result["over_folds"]["WER"]["mean"] == pytest.approx(mean)
    assert len((tmp_path / "all/score/ref.trn").read_text(encoding="utf-8").splitlines()) == 40
