"""Encoders for X-ARES and XARES-LLM; with tests/environments/xares.sh, also X-ARES itself."""

import csv
import importlib.util
import os
import re
import shutil
import subprocess
import sys

import pytest
import soundfile
import torch
from inference.model_files import RATE, noise, write_model

from asda.benchmarks.xares import XaresLlmEncoder, encoder_class

needs_xares = pytest.mark.skipif(
    not importlib.util.find_spec("xares"), reason="installed by tests/environments/xares.sh"
)


@pytest.fixture
def path(tmp_path):
    return write_model(tmp_path / "encoder.pt", "encoder")


def side_by_side(*clips):
    """Return waveforms as X-ARES pads them, and their masks."""
    tensors = [torch.from_numpy(clip) for clip in clips]
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(t) for t in tensors], True)
    return torch.nn.utils.rnn.pad_sequence(tensors, True), mask.int()


def test_clips_give_the_same_beside_longer_ones(path):
    encoder = encoder_class(path)()
    short, long = noise(1.0, 0), noise(5.0, 1)
    alone = encoder(torch.from_numpy(short)[None])
    assert not alone.is_nested
    with torch.inference_mode():  # as in X-ARES
        first, second = encoder(side_by_side(short, long)[0]).to("cpu").detach()
    torch.testing.assert_close(first, alone[0], atol=1e-5, rtol=0)
    assert second.shape == (32, encoder.output_dim) and first.numpy().shape[0] == 7


def test_zeros_at_the_end_count_as_padding(path):
    encoder = encoder_class(path)()
    clip = torch.from_numpy(noise(1.0))[None]
    filled = torch.nn.functional.pad(clip, (0, RATE))
    torch.testing.assert_close(encoder(filled), encoder(clip))
    assert encoder(torch.zeros(2, RATE)).shape == (2, 1, encoder.output_dim)


def test_the_class_is_named_after_the_model(path, tmp_path):
    other = write_model(tmp_path / "other.pt", "encoder", data={"max_frames": 100})
    classes = [encoder_class(path), encoder_class(path, layers=1), encoder_class(other)]
    names = {found.__name__ for found in classes}
    assert len(names) == 3 and all(re.fullmatch("Asda[0-9a-f]{16}Encoder", n) for n in names)
    encoder = classes[0]()
    assert (encoder.sampling_rate, encoder.hop_size_in_ms) == (RATE, pytest.approx(160))


def test_xares_llm_gets_features_and_their_mask(path):
    encoder = XaresLlmEncoder(path)
    short, long = noise(1.0, 0), noise(5.0, 1)
    features, mask = encoder(*side_by_side(short, long))
    assert features.shape == (2, 32, encoder.output_dim) and mask.sum(dim=1).tolist() == [7, 32]
    alone, all_valid = encoder(torch.from_numpy(short)[None])
    torch.testing.assert_close(features[:1, :7], alone, atol=1e-5, rtol=0)
    assert all_valid.all()
    assert encoder(torch.randn(3, 50000), None)[0].shape[0] == 3  # what its own check does


@needs_xares
def test_the_check_of_xares_passes(path):
    from xares.audio_encoder_checker import check_audio_encoder

    assert check_audio_encoder(encoder_class(path)())


@needs_xares
@pytest.mark.slow
def test_the_task_esc50_of_xares_runs_on_clips_of_esc10(path, shared, tmp_path):
    """On 20 clips of each fold; the network has random weights, and still beats chance."""
    esc10 = tmp_path / "esc10"
    subprocess.run([sys.executable, shared / "data/esc10/as_esc50.py", esc10], check=True)
    _write_tars(esc10, tmp_path / "env/esc50", clips_per_class=2)
    (tmp_path / "my_encoder.py").write_text(
        "from asda.benchmarks.xares import encoder_class\n\n"
        f"MyEncoder = encoder_class({str(path)!r})\n"
    )
    tasks = importlib.util.find_spec("tasks.esc50_task").origin
    shutil.copy(tasks, tmp_path / "esc50_task.py")
    command = [sys.executable, "-m", "xares.run", "--max-jobs=0", "--from-stage=1"]
    paths = os.pathsep.join(sys.path)
    done = subprocess.run(
        [*command, "my_encoder.py", "esc50_task.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"ESC-50 +(\S+) +(\S+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert min(map(float, found.groups())) > 0.15, found[0]
    names = [folder.name for folder in (tmp_path / "env/esc50/embeddings").iterdir()]
    assert encoder_class(path).__name__ in names


def _write_tars(esc50, folder, clips_per_class):
    from xares.audiowebdataset import write_audio_tar

    folder.mkdir(parents=True)
    with open(esc50 / "meta/esc50.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for fold in "12345":
        chosen, taken = [], {}
        for row in (row for row in rows if row["fold"] == fold):
            taken[row["target"]] = taken.get(row["target"], 0) + 1
            if taken[row["target"]] <= clips_per_class:
                chosen.append(row)
        paths = [str(esc50 / "audio" / row["filename"]) for row in chosen]
        labels = [{"label": int(row["target"])} for row in chosen]
        assert soundfile.info(paths[0]).samplerate == 44100
        write_audio_tar(paths, labels, str(folder / f"wds-audio-fold-{fold}-*.tar"), num_shards=1)
    (folder / ".audio_tar_ready").touch()
