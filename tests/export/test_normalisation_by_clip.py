"""Features that are normalised clip by clip: what is exported, computed and refused."""

import numpy as np
import pytest
import torch
from export.exported import saved_model
from inference.model_files import noise

from asda.export import hugging_face_folder
from asda.export.comparison import cases, differences
from asda.export.export_options import ExportOptions
from asda.export.exported_model import ExportedModel
from asda.features.clip_range import ClipRange
from asda.figures.silence_measurement import measure_silence
from asda.files import InputError
from asda.inference.audio_input import Waveform
from asda.inference.audio_model import AudioModel
from asda.inference.computations import embeddings
from asda.probing.corpus_normalization import normalized_as


def model_of(range_db=80.0, **settings):
    saved = saved_model(normalization={"range_db": range_db}, **settings)
    return AudioModel(saved, saved.build())


@pytest.mark.parametrize("padding", ["mask", "fill"])
@pytest.mark.parametrize("inputs", ["features", "waveform"])
@pytest.mark.parametrize("range_db", [80.0, 20.0])  # 20 dB cut values off
def test_the_exported_network_normalises_as_the_model_does(inputs, padding, range_db):
    model = model_of(range_db, data={"padding": padding})
    exported = ExportedModel(model, inputs)

    def run(signal, lengths):
        with torch.inference_mode():
            values = exported(signal, lengths)
        return dict(zip(exported.outputs, (value.numpy() for value in values), strict=True))

    assert max(differences(run, cases(exported, model)).values()) < 1e-5


def test_each_window_of_a_recording_is_normalised_by_itself():
    """A loud start leaves later windows as they are alone."""
    model = model_of()
    length = 400 + 95 * 160  # the longest input, 96 frames
    loud = np.concatenate([20 * noise(1.0, seed=1)[:length], noise(3.0, seed=2)])
    compute = embeddings(model.network, None, -1)
    later = [*model.run(_sources(loud), compute)][2:]
    assert len(later) > 1
    for window in later:
        start = round(window.start * 16000)
        alone = model.embed((loud[start : start + length], 16000))
        np.testing.assert_allclose(window.output, alone, atol=1e-4)


def _sources(waveform):
    return [Waveform(waveform, 16000)]


def test_it_is_the_normalisation_of_the_loaded_model():
    assert model_of(60.0).normalization == ClipRange(60.0)
    assert model_of(data={"padding": "fill"}).fill == (96, 0.0)


def test_what_needs_one_mean_refuses_it(tmp_path):
    model = model_of()
    with pytest.raises(InputError, match="normalised clip by clip, which the code for transf"):
        hugging_face_folder.write(model.saved, tmp_path / "out", ExportOptions())
    with pytest.raises(InputError, match="clip by clip; leave out --normalization train"):
        normalized_as(model, "nowhere")
    with pytest.raises(InputError, match="the level of its frames is not known"):
        measure_silence(model, {"noise": _sources(noise(0.5))[0]}, [1], 10.0, "all")
