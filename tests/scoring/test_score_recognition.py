"""Scoring a recogniser, against its network applied to one utterance at a time."""

import numpy as np
import pytest
import torch
from dataset.directories import MEL, with_features
from scoring.score_calls import error_of, score
from tasks.spoken_words import config, directory, spoken

from asda.checkpoint.load import read_model
from asda.cli import main
from asda.configuration import build
from asda.corpus.datadir import write_table
from asda.decoding.greedy import greedy
from asda.decoding.joined_windows import pieces
from asda.distributed import Process
from asda.features.matrix import Values
from asda.features.normalization import Normalization
from asda.scoring import long_utterances
from asda.scoring.recognition_scores import RecognitionScores
from asda.scoring.score_kinds import read_scores
from asda.tasks.recognition import RecognitionTask
from asda.text.unit_model import UnitModel
from asda.training.ctc_config import CtcConfig

CLIPS = 10


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with units, the data directory `test`, and a recogniser of two words in exp."""
    root = tmp_path_factory.mktemp("recogniser")
    directory(root / "train", 40, seed=1)
    directory(root / "test", CLIPS, seed=3)
    names = spoken(CLIPS, seed=3)[1]
    write_table(root / "test/utt2spk", {name: f"spk{row % 3}" for row, name in enumerate(names)})
    write_table(root / "test/utt2lang", dict.fromkeys(names, "en"))
    main(["units", "--text", str(root / "train"), "--kind", "word", "--out", str(root / "units")])
    options = {"training__updates": 40, "optimizer__lr": 0.02}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("asda.training.progress.draw_curves", lambda history, folder: None)
        RecognitionTask.run(build(CtcConfig, config(root, root / "exp", **options), "test"))
    return root


@torch.no_grad()
def one_by_one(root):
    """Return the texts that the network gives for one utterance at a time."""
    saved = read_model(root / "exp/model.pt")
    model, units = saved.build(), UnitModel.of_content(saved.units, saved.path)
    normalization = Normalization(**saved.normalization)
    texts = []
    for matrix in spoken(CLIPS, seed=3)[0].values():
        logits = model(torch.from_numpy(normalization(matrix))[None])[0]
        texts.append(units.decode(greedy(logits.log_softmax(-1).numpy()).units))
    return texts


def test_utterances_are_recognised_as_one_by_one(root, tmp_path):
    result = score(root, tmp_path)
    scored = read_scores(tmp_path)
    assert isinstance(scored, RecognitionScores)
    assert scored.hypotheses.tolist() == one_by_one(root)
    assert any(scored.hypotheses)
    references = [text.rstrip(".").lower() for text in spoken(CLIPS, seed=3)[1].values()]
    assert scored.references.tolist() == references
    assert scored.speakers.tolist() == [f"spk{row % 3}" for row in range(CLIPS)]
    assert set(scored.languages) == {"en"}
    assert result["metric"] == "WER"
    assert result["clips"] == {"found": CLIPS, "expected": CLIPS}
    assert result["over_speakers"]["speakers"] == 3


def test_the_result_says_how_texts_were_made(root, tmp_path):
    facts = score(root, tmp_path, "--decoding.method", "beam", "--decoding.beam", "4")["provenance"]
    assert facts["updates"] == 40
    assert facts["units"].endswith("(▁low ▁high ...)")
    assert facts["text rules"]["lowercase"] is True
    assert facts["decoding"]["method"] == "beam" and facts["decoding"]["beam"] == 4
    assert score(root, tmp_path)["provenance"]["decoding"] == {"method": "greedy"}


def test_an_error_rate_is_chosen(root, tmp_path):
    assert score(root, tmp_path, "--metric", "CER")["metric"] == "CER"


def test_the_outputs_of_a_long_utterance_are_joined(root, tmp_path):
    """Four utterances in a row, longer than the input of 80 frames, are recognised as a whole."""
    features, texts = spoken(8, seed=5)
    whole = np.concatenate(list(features.values()))
    assert len(whole) > 3 * 80
    with_features(tmp_path / "data", {"long": whole, **dict(list(features.items())[:2])})
    write_table(
        tmp_path / "data/text",
        {"long": " ".join(texts.values()), **dict(list(texts.items())[:2])},
    )
    result = score(root, tmp_path / "score", data=tmp_path / "data")
    scored = read_scores(tmp_path / "score")
    row = scored.utterances.tolist().index("long")
    assert scored.operations[row].words == sum(len(text.split()) for text in texts.values())
    assert scored.operations[row].errors <= 2  # none, unless training differs by rounding
    assert result["windows"]["longer"] == 1 and result["windows"]["scored"] == "joined"
    page = (tmp_path / "score/RESULTS.md").read_text(encoding="utf-8")
    assert "1 of 3 clips are longer than" in page and "recognised in windows that overlap" in page


class Counting:
    """A head of two units, of which one is the sum of the frames of a patch."""

    steps_per_patch = 1

    class encoder:  # noqa: N801
        class patches:  # noqa: N801
            class patch:  # noqa: N801
                time = time_stride = 4

    def __call__(self, features, num_frames):
        batch, frames, mel = features.shape
        padded = torch.nn.functional.pad(features, (0, 0, 0, -frames % 4))
        sums = padded.reshape(batch, -1, 4 * mel).sum(-1)
        return torch.stack([torch.zeros_like(sums), sums], dim=-1)

    def steps(self, num_frames):
        return (num_frames + 3) // 4


@pytest.mark.parametrize("frames", [81, 160, 243])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_each_step_of_a_long_utterance_comes_once(frames, batch_size):
    """With a network that looks at one patch alone, windows change nothing."""
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((frames, MEL)).astype(np.float32)

    class clips:  # noqa: N801
        class features:  # noqa: N801
            features = staticmethod(lambda utterance: Values(matrix))

        longer = np.array([False, True])
        utterances = ("short", "long")
        normalization = Normalization(0.0, 0.5)

        class config:  # noqa: N801
            max_frames = 80

    clips.config.batch_size = batch_size
    found = dict(
        long_utterances.long_outputs(Counting(), clips, Process(0, 1, torch.device("cpu")))
    )
    expected = Counting()(torch.from_numpy(matrix)[None], None)[0].log_softmax(-1)
    assert list(found) == ["long"]
    joined = np.concatenate([rows for _, rows in pieces(found["long"])])
    np.testing.assert_allclose(joined, expected, rtol=1e-5, atol=1e-5)


def test_an_utterance_without_a_transcript_is_refused(root, tmp_path, capsys):
    directory(tmp_path / "data", CLIPS, seed=3)
    texts = spoken(CLIPS, seed=3)[1]
    del texts["utt004"]
    write_table(tmp_path / "data/text", texts)
    said = error_of(capsys, root, tmp_path / "score", data=tmp_path / "data")
    assert "data/text: no line for 1 of 10 utterances (first: utt004)" in said
    (tmp_path / "data/text").unlink()
    said = error_of(capsys, root, tmp_path / "score", data=tmp_path / "data")
    assert "data/text: no such file; recognition needs" in said


def test_empty_transcripts_are_counted_in_one_line(root, tmp_path, caplog):
    directory(tmp_path / "data", CLIPS, seed=3)
    write_table(tmp_path / "data/text", spoken(CLIPS, seed=3)[1] | {"utt004": "", "utt006": "."})
    score(root, tmp_path / "score", data=tmp_path / "data")
    assert "2 of 10 transcripts are empty (first: utt004); words that are recognised" in caplog.text
    page = (tmp_path / "score/RESULTS.md").read_text(encoding="utf-8")
    assert "2 references are empty" in page


def test_references_that_the_units_cannot_write_are_counted(root, tmp_path, caplog):
    directory(tmp_path / "data", CLIPS, seed=3)
    texts = spoken(CLIPS, seed=3)[1] | {"utt004": "low middle", "utt006": "мир middle"}
    write_table(tmp_path / "data/text", texts)
    result = score(root, tmp_path / "score", data=tmp_path / "data")
    said = "2 of 10 references contain words that the model cannot write: middle, мир"
    assert f"{tmp_path}/data/text: {said}" in caplog.text
    assert f"\n{said}. Each counts as an error.\n" in (tmp_path / "score/RESULTS.md").read_text(
        encoding="utf-8"
    )
    found = {"references": 2, "what": "words", "text": ["middle", "мир"]}
    assert result["unwritable"] == found


def test_known_text_is_not_spoken_of(root, tmp_path, caplog):
    assert "unwritable" not in score(root, tmp_path)
    assert "cannot write" not in caplog.text


def test_a_classifier_is_not_decoded(trained, tmp_path, capsys):
    words = ["--decoding.method", "beam"]
    said = error_of(capsys, trained, tmp_path, *words)
    assert "a classifier, whose outputs are not decoded; leave out decoding" in said
