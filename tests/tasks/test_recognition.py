"""Recognition from a data directory to model.pt."""

import logging

import numpy as np
import pytest
import torch
import yaml
from dataset.directories import MEL
from tasks.spoken_words import config, directory, spoken
from training.runs import assert_same_weights, column, stopped_before

from asda.checkpoint import tensor_files
from asda.checkpoint.load import read_model
from asda.cli import main
from asda.commands.finetune_ctc import main as command
from asda.configuration import build
from asda.corpus.datadir import read_table, write_table
from asda.dataset.transcript import least_steps
from asda.files import InputError
from asda.tasks.recognition import RecognitionTask, ctc_loss
from asda.text.unit_model import UnitModel
from asda.training.ctc_config import CtcConfig

pytestmark = pytest.mark.usefixtures("no_images")


@pytest.fixture
def corpus(tmp_path):
    directory(tmp_path / "train", 40, seed=1)
    directory(tmp_path / "valid", 12, seed=2)
    text = str(tmp_path / "train")
    main(["units", "--text", text, "--kind", "word", "--out", str(tmp_path / "units")])
    return tmp_path


def run(corpus, exp, **options):
    RecognitionTask.run(build(CtcConfig, config(corpus, exp, **options), "test"))
    return tensor_files.load(exp / "model.pt")


@pytest.mark.slow
def test_it_learns_to_spell_words(corpus, tmp_path):
    options = {"training__updates": 150, "training__evaluate_every": 75, "training__final": "best"}
    run(corpus, tmp_path / "exp", valid=corpus / "valid", optimizer__lr=0.01, **options)
    assert column(tmp_path / "exp", "valid/WER")[-1] == 0
    saved = read_model(tmp_path / "exp/model.pt")
    assert saved.recognises_speech and saved.facts["metric"] == "CER"
    units = UnitModel.of_content(saved.units, saved.path)
    assert units.pieces == UnitModel.load(corpus / "units").pieces == saved.labels
    assert units.encode("Low, HIGH!") == [units.pieces.index("▁low"), units.pieces.index("▁high")]


@pytest.mark.slow
@pytest.mark.parametrize("stride", [8, 4])
def test_square_patches_give_several_steps(corpus, tmp_path, stride):
    patch = {"time": 8, "freq": 8, "time_stride": stride}
    options = {"model__patch": patch, "ctc__steps_per_patch": 2}
    run(corpus, tmp_path / "exp", **options)
    network = read_model(tmp_path / "exp/model.pt").build()
    steps = 2 * (10 if stride == 8 else 19)
    assert network(torch.zeros(1, 80, MEL)).shape[1] == steps


@pytest.mark.slow
def test_a_run_that_is_stopped_resumes_exactly(corpus, tmp_path):
    whole = run(corpus, tmp_path / "whole", augment__time_mask=0.3, ctc__dropout=0.3)
    with stopped_before(5):
        run(corpus, tmp_path / "parts", augment__time_mask=0.3, ctc__dropout=0.3)
    parts = run(corpus, tmp_path / "parts", augment__time_mask=0.3, ctc__dropout=0.3)
    assert_same_weights(whole, parts)


@pytest.mark.slow
def test_the_command_continues_from_a_pretrained_encoder(corpus, tmp_path):
    pretraining = config(corpus, tmp_path / "pretrain")
    del pretraining["units"], pretraining["ctc"]
    recognition = config(corpus, tmp_path / "ctc", init=tmp_path / "pretrain/model.pt")
    del recognition["model"]
    for name, content in (("pretrain", pretraining), ("finetune-ctc", recognition)):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(content))
        main([name, "--config", str(tmp_path / f"{name}.yaml")])
    assert read_model(tmp_path / "ctc/model.pt").facts["init"].endswith("pretrain/model.pt")


@pytest.mark.slow
def test_changed_transcripts_or_units_are_noticed(corpus, tmp_path):
    run(corpus, tmp_path / "exp")
    texts = spoken(40, seed=1)[1]
    write_table(corpus / "train/text", texts | {"utt000": "high high high"})
    with pytest.raises(InputError, match=r"other data .transcripts of train changed"):
        run(corpus, tmp_path / "exp")
    write_table(corpus / "train/text", texts)
    run(corpus, tmp_path / "exp")  # is complete
    (corpus / "units/units.model").unlink()
    (corpus / "units/units.yaml").unlink()
    main(["units", "--text", str(corpus / "train"), "--kind", "char", "--out", str(corpus / "u")])
    (corpus / "units").rename(corpus / "before")
    (corpus / "u").rename(corpus / "units")
    with pytest.raises(InputError, match="units"):
        run(corpus, tmp_path / "exp")


@pytest.mark.slow
def test_clips_that_cannot_be_learned_from_are_named_and_left_out(corpus, tmp_path, caplog):
    features, texts = spoken(40, seed=1)
    short = [name for name, matrix in features.items() if len(matrix) <= 60]
    changed = {short[0]: "", short[1]: "low low low low low low low low low low low"}
    write_table(corpus / "train/text", texts | changed)
    with caplog.at_level(logging.WARNING, logger="asda"):
        run(corpus, tmp_path / "exp", data__max_frames=60)
    assert f"1 with an empty transcript, first: {short[0]}" in caplog.text
    reason = "with more units than CTC can align with the frames"
    assert f"1 {reason}, first: {short[1]}" in caplog.text
    assert f"{40 - len(short)} with more than data.max_frames 60 frames" in caplog.text


@pytest.mark.slow
def test_what_the_units_do_not_know_is_named(corpus, tmp_path, caplog):
    texts = spoken(40, seed=1)[1]
    write_table(corpus / "train/text", texts | {"utt003": "low middle"})
    texts = spoken(12, seed=2)[1]
    write_table(corpus / "valid/text", texts | {"utt004": "upper"})
    with caplog.at_level(logging.WARNING, logger="asda"):
        run(corpus, tmp_path / "exp", valid=corpus / "valid")
    said = "text: text of 1 transcript is unknown to the units"
    assert f"train/{said} (middle; first: utt003); it is learned as <unk>" in caplog.text
    assert f"valid/{said} (upper; first: utt004); it counts as errors in validation" in caplog.text


def test_units_of_another_language_are_refused(corpus, tmp_path):
    (tmp_path / "words").write_text("haut\nbas\n")
    call = ["units", "--text", str(tmp_path / "words"), "--kind", "word"]
    main([*call, "--out", str(tmp_path / "others")])
    with pytest.raises(InputError, match="40 of 40 transcripts contain text unknown to the units"):
        run(corpus, tmp_path / "exp", units=tmp_path / "others")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "patches every 40 ms and gives 25 outputs per second: take shorter or overlapping"),
        (
            {"model__patch": {"time": 8, "freq": "all"}, "ctc__steps_per_patch": 2},
            "patches every 80 ms and gives 25 outputs per second: take shorter or overlapping",
        ),
    ],
)
@pytest.mark.parametrize(("name", "clips"), [("train", 40), ("valid", 12)])
@pytest.mark.parametrize("usable", [0, 1])
def test_texts_most_of_which_cannot_be_aligned_are_refused(
    corpus, tmp_path, name, clips, usable, options, said
):
    texts = read_table(corpus / name / "text")
    unfit = dict.fromkeys(list(texts)[: clips - usable], "low " * 20)
    write_table(corpus / name / "text", texts | unfit)
    kept = f"only {usable}" if usable else "none"
    with pytest.raises(InputError, match=f"{name}: {kept} of its {clips} clips .* {said}"):
        run(corpus, tmp_path / "exp", valid=corpus / "valid", **options)
    assert not (tmp_path / "exp/model.pt").exists()


@pytest.mark.slow
def test_texts_half_of_which_cannot_be_aligned_are_used(corpus, tmp_path):
    texts = read_table(corpus / "train/text")
    unfit = dict.fromkeys(list(texts)[:20], "low " * 20)
    write_table(corpus / "train/text", texts | unfit)
    run(corpus, tmp_path / "exp")
    assert read_model(tmp_path / "exp/model.pt").facts["clips"] == 20


def test_a_set_without_transcripts_is_refused(corpus, tmp_path):
    (corpus / "train/text").unlink()
    with pytest.raises(InputError, match="train/text: no such file; recognition needs"):
        run(corpus, tmp_path / "exp")


def test_an_utterance_without_a_line_is_refused(corpus, tmp_path):
    texts = spoken(40, seed=1)[1]
    del texts["utt007"]
    write_table(corpus / "train/text", texts)
    with pytest.raises(InputError, match=r"no line for 1 of 40 clips .first: utt007"):
        run(corpus, tmp_path / "exp")


def test_augmentation_that_parts_audio_from_text_is_refused(corpus, tmp_path):
    with pytest.raises(InputError, match=r"augment.roll would separate the audio from its trans"):
        run(corpus, tmp_path / "exp", augment__roll=True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--ctc.encoder", "teacher"], "--ctc.encoder has no effect: it selects an encoder"),
        (["--init", "m.pt", "--model.depth", "1"], "--model.depth has no effect: the model comes"),
    ],
)
def test_options_that_have_no_effect_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        command(["--units", "u", "--train", "t", "--exp", "e", *options])


def test_the_loss_is_that_of_all_alignments():
    """Two steps and one unit: the alignments are _u, u_, uu."""
    logits = torch.randn(1, 2, 3)
    p = logits.softmax(-1)[0].double()
    expected = p[0, 0] * p[1, 2] + p[0, 2] * p[1, 0] + p[0, 2] * p[1, 2]
    loss = ctc_loss(logits, torch.tensor([2]), torch.tensor([[2]]))
    assert loss.item() == pytest.approx(-expected.log().item(), rel=1e-5)


def test_the_loss_is_per_unit_and_ignores_padding():
    logits = torch.randn(2, 9, 4)
    units = torch.tensor([[1, 2, 3], [2, -1, -1]])
    first = ctc_loss(logits[:1], torch.tensor([9]), units[:1])
    second = ctc_loss(logits[1:, :5], torch.tensor([5]), units[1:, :1])
    both = ctc_loss(logits, torch.tensor([9, 5]), units)
    assert both.item() == pytest.approx((3 * first.item() + second.item()) / 4, rel=1e-5)


def test_a_clip_that_cannot_be_aligned_has_no_gradient():
    logits = torch.randn(1, 2, 4, requires_grad=True)
    loss = ctc_loss(logits, torch.tensor([2]), torch.tensor([[1, 1]]))  # needs a blank between
    loss.backward()
    assert loss.item() == 0 and logits.grad.abs().sum() == 0


@pytest.mark.parametrize(("units", "steps"), [([1, 2, 3], 3), ([1, 1, 2, 2], 6), ([5], 1)])
def test_least_steps(units, steps):
    assert least_steps(np.array(units)) == steps


def test_the_help_names_the_settings_of_the_head(capsys):
    with pytest.raises(SystemExit):
        main(["finetune-ctc", "--help"])
    said = capsys.readouterr().out
    assert "--ctc.steps_per_patch" in said and "--units" in said
