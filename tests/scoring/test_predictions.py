"""scores.npz: read as it was written, or refused in one line."""

import dataclasses

import numpy as np
import pytest
from scoring.systems import multi_label

from asda.files import InputError
from asda.scoring.predictions import ScoredClips
from asda.scoring.score_kinds import read_scores


def test_what_is_saved_is_read(tmp_path):
    scored = multi_label()
    scored.utterances[3] = "größe"
    scored.save(tmp_path / "new/score")
    again = ScoredClips.load(tmp_path / "new/score")
    for name in ("utterances", "scores", "targets", "labels"):
        np.testing.assert_array_equal(getattr(again, name), getattr(scored, name))


@pytest.mark.parametrize("scale", ["probability", "log_probability", "logit"])
def test_the_scale_of_scores_is_stored_or_seen_from_their_values(tmp_path, scale):
    """Files of before do not name it."""
    scored = multi_label()
    odds = np.exp(scored.scores)
    share = odds / odds.sum(axis=1, keepdims=True)
    scores = {"probability": share, "log_probability": np.log(share), "logit": scored.scores}
    scored = dataclasses.replace(scored, scores=scores[scale], scale=scale)
    scored.save(tmp_path)
    assert ScoredClips.load(tmp_path).scale == scale
    arrays = scored.arrays()
    del arrays["scale"]
    np.savez(tmp_path / "scores.npz", **arrays)
    again = ScoredClips.load(tmp_path)
    assert again.scale == scale
    expected = 1 / (1 + np.exp(-scored.scores.astype(float))) if scale == "logit" else share
    np.testing.assert_allclose(again.probabilities(), expected, rtol=1e-5)


def test_an_unknown_scale_is_refused():
    with pytest.raises(ValueError, match="unknown scale, 'per cent'"):
        dataclasses.replace(multi_label(), scale="per cent")


def test_a_folder_without_scores_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"scores\.npz: no such file; score the model first"):
        ScoredClips.load(tmp_path)


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "other arrays", "other shapes"])
def test_damaged_scores_are_refused(tmp_path, damage):
    path = tmp_path / "scores.npz"
    scored = multi_label()
    scored.save(tmp_path)
    if damage == "other arrays":
        np.savez(path, scores=scored.scores)
    elif damage == "other shapes":
        np.savez(path, **(vars(scored) | {"labels": scored.labels[1:]}))
    else:
        whole = path.read_bytes()
        path.write_bytes({"cut": whole[:500], "empty": b"", "text": b"a b c\n"}[damage])
    with pytest.raises(InputError) as caught:
        ScoredClips.load(tmp_path)
    assert str(caught.value).startswith(f"{path}: damaged, or not the scores of clips")
    assert "\n" not in str(caught.value)


def test_files_that_do_not_name_their_kind_are_of_classifiers(tmp_path):
    scored = multi_label()
    np.savez(tmp_path / "scores.npz", **vars(scored))
    found = read_scores(tmp_path)
    assert isinstance(found, ScoredClips)
    np.testing.assert_array_equal(found.scores, scored.scores)


def test_another_kind_is_refused(tmp_path):
    np.savez(tmp_path / "scores.npz", kind=np.array("images"))
    with pytest.raises(InputError, match="of the kind images, not classification"):
        ScoredClips.load(tmp_path)
    message = r"the kind images, which .* does not know \(classification, ratios, recognition\)"
    with pytest.raises(InputError, match=message):
        read_scores(tmp_path)


def test_pickled_objects_are_never_loaded(tmp_path):
    class Trap:
        def __reduce__(self):
            return (tmp_path / "sprung").touch, ()

    trap = np.array([Trap()], dtype=object)
    np.savez(tmp_path / "scores.npz", utterances=trap, scores=trap, targets=trap, labels=trap)
    with pytest.raises(InputError):
        ScoredClips.load(tmp_path)
    assert not (tmp_path / "sprung").exists()


def test_scores_that_are_no_numbers_are_refused():
    scored = multi_label(clips=5)
    scored.scores[[2, 4], 1] = np.nan, np.inf
    with pytest.raises(InputError, match=r"2 clips .* not finite numbers \(first: utt0002\)"):
        ScoredClips(**vars(scored))


def test_no_clips_are_refused():
    with pytest.raises(InputError, match="no clips were scored"):
        ScoredClips(np.array([]), np.zeros((0, 2)), np.zeros((0, 2)), np.array(["a", "b"]))
