"""Commands in wav.scp and feats.scp run unless they are forbidden, by option or environment."""

import os
import subprocess
import sys

import kaldiio
import numpy as np
import pytest
import soundfile

from asda.audio.waveform import AudioError, audio_duration, read_audio
from asda.cli import main
from asda.features.archive import ArchiveReader
from asda.files import InputError


@pytest.fixture
def attack(tmp_path, monkeypatch):
    """A value of wav.scp that gives audio and also makes the file `owned`."""
    monkeypatch.setenv("ASDA_NO_PIPES", "")  # restored, whatever a test sets
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 8000)
    soundfile.write(tmp_path / "a.wav", samples, 16000)
    return f"touch {tmp_path}/owned; cat {tmp_path}/a.wav |"


def data_directory(folder, source):
    folder.mkdir()
    (folder / "wav.scp").write_text(f"x {source}\n")
    for name in ("utt2spk", "spk2utt"):
        (folder / name).write_text("x x\n")
    (folder / "text").write_text("x one\n")
    return str(folder)


def test_a_command_runs_only_where_none_are_forbidden(tmp_path, attack, monkeypatch):
    monkeypatch.setenv("ASDA_NO_PIPES", "1")
    for read in (read_audio, audio_duration):
        with pytest.raises(AudioError, match="a command, which --no-pipes forbids"):
            read(attack)
    assert not (tmp_path / "owned").exists()
    monkeypatch.delenv("ASDA_NO_PIPES")
    assert len(read_audio(attack)) == 8000
    assert (tmp_path / "owned").exists()  # the attack is real


@pytest.mark.parametrize("form", ["touch {0}/owned; cat {0}/m |", "| touch {0}/owned; cat {0}/m"])
def test_commands_of_feats_scp_too(tmp_path, attack, monkeypatch, form):
    kaldiio.save_mat(str(tmp_path / "m"), np.ones((3, 2), np.float32))
    monkeypatch.setenv("ASDA_NO_PIPES", "1")
    with pytest.raises(InputError):
        ArchiveReader().read(form.format(tmp_path))
    assert not (tmp_path / "owned").exists()
    kaldiio.load_mat(form.format(tmp_path))
    assert (tmp_path / "owned").exists()


@pytest.mark.parametrize("words", [["--no-pipes", "data"], ["data", "--no-pipes"]])
def test_the_option_may_stand_anywhere(tmp_path, attack, capsys, words):
    data = data_directory(tmp_path / "data", attack)
    with pytest.raises(SystemExit):
        main([*words, "validate", "--no-feats", "--check-audio", "1", data])
    assert "utterance 'x': a command, which --no-pipes forbids" in capsys.readouterr().err
    assert not (tmp_path / "owned").exists()


@pytest.mark.slow
def test_a_dump_of_commands_is_refused(repository, tmp_path, attack):
    data = data_directory(tmp_path / "data", attack)
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    command = [repository / "utils/dump_fbank.sh", "--nj", "1", "--no-pipes"]
    for forbidden in ("true", "false"):
        done = subprocess.run(
            [*command, forbidden, "--max-bad", "0", tmp_path / "dump", data],
            capture_output=True,
            text=True,
            env=os.environ | {"PATH": path, "PYTHONPATH": str(repository)},
        )
        assert (done.returncode != 0) == (forbidden == "true"), done.stderr
        assert (tmp_path / "owned").exists() == (forbidden == "false")
        assert ("a command, which --no-pipes forbids" in done.stderr) == (forbidden == "true")
