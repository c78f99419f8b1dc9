"""The share of attention on silence over a data directory."""

import numpy as np
import pytest
import torch
from figures.sounds import half_silent, write_directory
from inference.model_files import write_model

import asda
from asda.corpus.datadir import DataDir
from asda.figures.attention_maps import attention_maps
from asda.figures.clip_input import read_clip
from asda.figures.silence import quiet_frames, quiet_patches, silence_shares
from asda.figures.silence_measurement import MEAN, UNIFORM, measure_silence
from asda.files import InputError


@pytest.fixture
def data(tmp_path):
    clips = {f"clip{n}": half_silent(0.7 + 0.3 * n, n) for n in range(4)}
    clips["even"] = np.random.default_rng(9).normal(0, 0.1, 16000)
    clips["long"] = half_silent(6.0)
    folder = write_directory(tmp_path / "data", clips)
    (folder / "clip3.wav").write_bytes(b"RIFF")
    return folder


def measured(tmp_path, data, padding="mask"):
    model = asda.load(
        write_model(tmp_path / "model.pt", "pretrained", data={"padding": padding}), "cpu"
    )
    return model, measure_silence(model, DataDir(data).audio_sources(), [1, 2], 10.0, "all")


@pytest.mark.parametrize("padding", ["mask", "fill"])
def test_each_clip_has_the_shares_of_its_own_maps(tmp_path, data, padding):
    model, found = measured(tmp_path, data, padding)
    clip = read_clip(model, str(data / "clip1.wav"))
    quiet = quiet_frames(clip.log_mel)
    assert quiet.mean() == pytest.approx(0.5, abs=0.02)
    fractions = np.zeros(clip.features.shape[1] // 16 * 8 + 8 * (clip.features.shape[1] % 16 > 0))
    of_clip = quiet_patches(quiet, model.saved.config.patch, 8)
    fractions[: len(of_clip)] = of_clip
    row = found.utterances.tolist().index("clip1")
    for maps in attention_maps(model.network, clip.features, None, [1, 2]):
        shares = silence_shares(maps, torch.from_numpy(fractions)[None]).by_quantity
        assert list(shares) == [name for name in found.shares if name != UNIFORM]
        for name, share in shares.items():
            assert found.shares[name][row, maps.layer - 1] == pytest.approx(float(share), rel=1e-4)


def test_clips_without_contrast_are_counted_and_bad_audio_is_named(tmp_path, data):
    _, found = measured(tmp_path, data)
    assert found.utterances.tolist() == ["clip0", "clip1", "clip2", "long"]
    assert found.left_out == 1
    assert list(found.bad) == ["clip3"]


def test_intervals_are_of_the_mean_over_clips_and_differences_are_paired(tmp_path, data):
    _, found = measured(tmp_path, data)
    by_quantity = found.intervals()
    for name, values in found.shares.items():
        assert list(by_quantity[name]) == ["1", "2", MEAN]
        assert by_quantity[name]["2"].value == pytest.approx(values[:, 1].mean())
        assert by_quantity[name][MEAN].value == pytest.approx(values.mean())
    change = by_quantity["difference, signed − map 1"]["1"]
    signed, first = (found.shares[name][:, 0] for name in ("difference, signed", "map 1"))
    assert change.value == pytest.approx((signed - first).mean())
    assert change.low <= change.value <= change.high
    share = by_quantity["map 1"]["1"]
    assert change.high - change.low < share.high - share.low
    assert 0 < share.low < share.value < share.high < 1


def test_a_directory_in_which_nothing_can_be_measured_is_refused(tmp_path):
    clips = {"even": np.random.default_rng(0).normal(0, 0.1, 16000)}
    data = write_directory(tmp_path / "data", clips)
    with pytest.raises(InputError, match=r"none of 1 clips can be measured.*not 20 dB above"):
        measured(tmp_path, data)
