"""Probes from audio to results."""

import numpy as np
import pytest
import yaml
from inference.model_files import write_model
from probing.tones import probe, tones

from asda.cli import main
from asda.configuration import to_dict
from asda.corpus.datadir import write_table
from asda.dataset.clips import open_clips
from asda.dataset.data_config import DataConfig
from asda.dataset.feature_sources import FeatureInput
from asda.features.fbank_config import FbankConfig
from asda.files import InputError
from asda.inference.loading import load
from asda.probing import trained_networks
from asda.probing.corpus_normalization import normalized_as
from asda.probing.probe_config import KINDS, ProbeConfig
from asda.probing.run_probes import probe as run_probes
from asda.scoring.compare import read_result
from asda.scoring.predictions import ScoredClips

TWO = ["low", "high"]


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(trained_networks, "LEAST_UPDATES", 60)
    monkeypatch.setattr(trained_networks, "EPOCHS", 20)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("tones")
    write_model(root / "model.pt", "encoder")
    tones(root / "train", TWO * 8, 0)
    tones(root / "valid", TWO * 4, 1)
    tones(root / "test", TWO * 4, 2)
    return root


def test_every_probe_tells_two_sounds_apart(root, tmp_path, capsys):
    probe(root / "model.pt", root, out=tmp_path, valid=root / "valid", label_counts="2 4", draws=2)
    said = capsys.readouterr().out
    for kind in KINDS:
        result = read_result(tmp_path / kind / "score")
        assert result["metrics"]["accuracy"]["value"] == 1, kind
        assert result["clips"] == {"found": 8, "expected": 8}
        facts = result["provenance"]
        assert facts["trained on"] == str(root / "train") and facts["training clips"] == 16
        assert facts["selection"] == f"accuracy on {root / 'valid'}"
        assert result["validation"] == {
            "data": str(root / "valid"),
            "metric": "accuracy",
            "value": 1.0,
        }
        assert f"| {kind} " in said
    main(["results", "compare", str(tmp_path / "linear"), str(tmp_path / "prototype")])
    assert "+0.0 [+0.0, +0.0]" in capsys.readouterr().out
    rows = [line.split("\t") for line in (tmp_path / "learning_curve.tsv").open()]
    assert [row[:4] for row in rows[1:6]] == [
        *(["2", "4", "2", kind] for kind in KINDS),
        ["4", "8", "2", "linear"],
    ]
    assert [row[:4] for row in rows[9:]] == [["all", "16", "1", kind] for kind in KINDS]


def test_the_test_set_has_no_influence_on_scores(root, tmp_path):
    other = tones(tmp_path / "test", TWO * 4, 2)
    table = {f"test{row:02d}": ("low", "high")[row % 3 == 0] for row in range(8)}
    write_table(other / "utt2label", table)
    scores = []
    for name, test in (("a", root / "test"), ("b", other)):
        probe(root / "model.pt", root, out=tmp_path / name, test=test)
        scores.append([ScoredClips.load(tmp_path / name / kind / "score") for kind in KINDS])
    for one, two in zip(*scores, strict=True):
        np.testing.assert_array_equal(one.scores, two.scores)
        assert not one.same_truth(two).all()


def test_without_a_validation_set_a_fifth_of_the_training_clips_is_held_out(root, tmp_path):
    probe(root / "model.pt", root, out=tmp_path, kinds="knn")
    result = read_result(tmp_path / "knn/score")
    where = f"4 clips held out of {root / 'train'}"
    assert result["provenance"]["selection"] == f"accuracy on {where}"
    assert result["validation"]["data"] == where
    assert result["provenance"]["training clips"] == 16


def test_several_labels_are_ranked_by_map(tmp_path):
    write_model(tmp_path / "model.pt", "encoder")
    for seed, name in enumerate(("train", "test")):
        tones(tmp_path / name, ["low", "high", "low high", ""] * 5, seed)
    probe(tmp_path / "model.pt", tmp_path, out=tmp_path / "exp", label_counts="6", draws=2)
    for kind in KINDS:
        result = read_result(tmp_path / "exp" / kind / "score")
        assert result["metric"] == "mAP" and result["metrics"]["mAP"]["value"] > 0.9, kind
    text = read_result(tmp_path / "exp/linear/score")["provenance"]["model"]
    assert text.startswith("linear probe (linear layer on standardised vectors) of ")


def test_a_bad_file_is_listed_and_left_out(root, tmp_path, capsys):
    train = tones(tmp_path / "train", TWO * 8)
    (train / "train03.wav").write_bytes(b"not audio")
    probe(root / "model.pt", root, out=tmp_path / "exp", train=train, kinds="linear")
    assert read_result(tmp_path / "exp/linear/score")["provenance"]["training clips"] == 15
    assert (tmp_path / "exp/bad_utterances").read_text().startswith("train03 ")
    (train / "train04.wav").write_bytes(b"not audio")
    with pytest.raises(SystemExit):
        probe(root / "model.pt", root, out=tmp_path / "exp", train=train, kinds="linear")
    assert "2 of 16 utterances cannot be used, which exceeds max_bad" in capsys.readouterr().err


def test_one_clip_per_class_needs_a_validation_set(root, tmp_path, capsys):
    with pytest.raises(SystemExit):
        probe(root / "model.pt", root, out=tmp_path, kinds="knn", label_counts="1")
    found = capsys.readouterr()
    assert "give --valid, or more clips" in found.err
    assert "knn" not in found.out  # nothing was trained before
    options = {"kinds": "knn", "label_counts": "1", "valid": root / "valid"}
    probe(root / "model.pt", root, out=tmp_path, **options)
    assert "1\t2\t5\tknn\taccuracy\t" in (tmp_path / "learning_curve.tsv").read_text()


def test_labels_that_do_not_fit_are_refused_before_anything_is_embedded(root, tmp_path, capsys):
    test = tones(tmp_path / "test", TWO)
    write_table(test / "utt2label", {"test00": "low", "test01": "loud"})
    (test / "labels.txt").write_text("low\nloud\n")
    with pytest.raises(SystemExit):
        probe(root / "model.pt", root, out=tmp_path / "exp", test=test, kinds="knn")
    found = capsys.readouterr()
    assert "1 clips have labels that are unknown" in found.err
    assert "clips embedded" not in found.out + found.err
    assert not (tmp_path / "exp/cache").exists()


def test_words_of_a_setting_may_have_commas_between_them():
    config = ProbeConfig(
        "model.pt", "train", "test", "out", kinds="knn,linear", layers="1, 2", label_counts="5,all"
    )
    assert config.kind_list == ["knn", "linear"]
    assert (config.layer_list, config.counts) == ([1, 2], [5])


@pytest.mark.parametrize("pooling", ["cls", "mean", "statistics"])
def test_probes_see_the_layers_that_are_named(root, tmp_path, pooling):
    options = {"kinds": "linear prototype", "layers": "1,2", "pooling": pooling}
    probe(root / "model.pt", root, out=tmp_path, cache=root / "cache", **options)
    seen = [
        read_result(tmp_path / kind / "score")["provenance"] for kind in ("linear", "prototype")
    ]
    assert seen[0]["embeddings"] == f"{pooling} of layers 1, 2"
    assert seen[1]["embeddings"] == "all tokens of layers 1, 2"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": "prototype", "layers": "0"}, "layer 0, .* has no CLS token"),
        ({"kinds": "linear", "layers": "0", "pooling": "cls"}, "layer 0, .* has no CLS token"),
        ({"layers": "3"}, "no layer 3; there are 0"),
    ],
)
def test_layers_that_do_not_exist_are_refused(root, tmp_path, options, message):
    paths = {"train": root / "train", "test": root / "test", "out": tmp_path}
    config = ProbeConfig(str(root / "model.pt"), **{k: str(v) for k, v in paths.items()}, **options)
    with pytest.raises(InputError, match=message):
        run_probes(config)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"kinds": "linear svm"}, "kinds must be of linear, attentive, knn, prototype"),
        ({"kinds": ""}, "kinds must be of"),
        ({"label_counts": "5 x"}, "label_counts must be whole numbers, not '5 x'"),
        ({"label_counts": "0"}, "label_counts must be at least 1"),
        ({"layers": "last"}, "layers must be whole numbers"),
        ({"seed": -1}, "seed must not be negative, not -1"),
        ({"draws": 0}, "draws must be at least 1"),
        ({"max_bad": 2.0}, "max_bad must lie in 0..1"),
    ],
)
def test_wrong_settings_are_refused(option, message):
    with pytest.raises(ValueError, match=message):
        ProbeConfig("model.pt", "train", "test", "out", **option)


def test_input_is_normalised_by_the_training_clips_if_asked_for(root, tmp_path):
    """As fine-tuning does; the moments of the model file are those of its own corpus."""
    (tmp_path / "fbank.yaml").write_text(yaml.safe_dump(to_dict(FbankConfig())))
    model = normalized_as(load(root / "model.pt", "cpu"), str(root / "train"))
    features = FeatureInput(fbank=str(tmp_path / "fbank.yaml"), listed_in=str(tmp_path))
    assert model.fbank.config == FbankConfig()
    expected = open_clips(root / "train", features, DataConfig()).normalization
    assert model.normalization == expected
    probe(root / "model.pt", root, out=tmp_path / "model", kinds="linear")
    probe(root / "model.pt", root, out=tmp_path / "own", kinds="linear", normalization="train")
    one, two = (ScoredClips.load(tmp_path / f"{n}/linear/score") for n in ("model", "own"))
    assert not np.array_equal(one.scores, two.scores)


def test_moments_need_audio_that_can_be_used(root, tmp_path):
    write_table(tmp_path / "wav.scp", {"a": f"{tmp_path}/absent.wav"})
    write_table(tmp_path / "utt2spk", {"a": "a"})
    with pytest.raises(InputError, match=f"{tmp_path}: none of its audio can be used"):
        normalized_as(load(root / "model.pt", "cpu"), str(tmp_path))
