"""Windows of features that arrive in blocks."""

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from asda.audio.wav_scp import AudioSegment
from asda.dataset.windows import window_starts
from asda.features.extract import extract_log_mel
from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig
from asda.inference.feature_windows import Windowing, windows_of
from asda.inference.log_mel_stream import LogMelStream

FBANK = Fbank(FbankConfig())


@given(st.data())
def test_windows_do_not_depend_on_blocks(data):
    rows = data.draw(st.integers(1, 150))
    length, align = data.draw(st.integers(1, 60)), data.draw(st.sampled_from([1, 4]))
    hop = align * data.draw(st.integers(1, 20))
    borders = data.draw(st.lists(st.integers(1, rows), max_size=5))
    matrix = np.arange(rows, dtype=np.float32)[:, None]
    blocks = [block for block in np.split(matrix, sorted(borders)) if len(block)]
    found = list(windows_of(blocks, Windowing(length, hop, align)))
    starts = [*range(0, max(0, rows - length), hop), -(-max(0, rows - length) // align) * align]
    assert [first for first, _, _ in found] == starts
    assert [last for _, _, last in found] == [False] * (len(found) - 1) + [True]
    for first, window, _ in found:
        np.testing.assert_array_equal(window, matrix[first : first + length])


@pytest.mark.parametrize("frames", [3, 40, 41, 80, 95])
def test_windows_back_to_back_are_those_of_scoring(frames):
    found = windows_of([np.zeros((frames, 1), np.float32)], Windowing(40, 40))
    assert [first for first, _, _ in found] == window_starts(frames, 40)


def test_features_by_blocks_are_those_of_the_whole_clip(tmp_path, monkeypatch):
    path = str(tmp_path / "a.wav")
    noise = np.random.default_rng(0).normal(0.1, 0.1, 44100 * 3)
    soundfile.write(path, noise, 44100, subtype="FLOAT")
    monkeypatch.setattr("asda.audio.decoding.BLOCK", 10000)
    monkeypatch.setattr("asda.inference.log_mel_stream.BLOCK_FRAMES", 70)
    stream = LogMelStream(AudioSegment(path, 0.5), FBANK)
    blocks = list(stream)
    assert len(blocks) > 3 and stream.samples == 40000
    whole = extract_log_mel(path, FBANK, start=0.5)
    np.testing.assert_allclose(np.concatenate(blocks), whole, rtol=0, atol=1e-3)
