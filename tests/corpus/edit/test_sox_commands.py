"""utils/perturb_data_dir_speed.sh and its like: what Kaldi's scripts of these names do."""

import shutil

import numpy as np
import pytest
import soundfile
from corpus.directories import keys, write

from asda.audio.waveform import read_audio
from asda.cli import main
from asda.corpus.datadir import DataDir
from asda.corpus.edit.sox_commands import through_sox
from asda.files import InputError

needs_sox = pytest.mark.skipif(not shutil.which("sox"), reason="needs sox")


@pytest.fixture
def directory(tmp_path):
    """Two utterances of a speaker, 0.5 s of 16 kHz; the name of a file is hostile."""
    rng = np.random.default_rng(0)
    for name in ("a.wav", "b $(touch run); b.wav"):
        soundfile.write(tmp_path / name, rng.uniform(-0.4, 0.4, 8000), 16000)
    return write(
        tmp_path / "d",
        utt2spk="s-a s\ns-b s\n",
        spk2utt="s s-a s-b\n",
        text="s-a hello\ns-b\n",
        spk2gender="s f\n",
        wav_scp=f"s-a cat {tmp_path}/a.wav |\ns-b {tmp_path}/b $(touch run); b.wav\n",
    )


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("flac -dc x |", "flac -dc x | sox --vol 2 -t wav - -t wav - rate 8k |"),
        ("x/y.flac", "sox --vol 2 --no-glob x/y.flac -t wav - rate 8k |"),
        ("a b;c.wav", "sox --vol 2 --no-glob 'a b;c.wav' -t wav - rate 8k |"),
        ("-n.wav", "sox --vol 2 --no-glob ./-n.wav -t wav - rate 8k |"),
        ("|rm x.wav", "sox --vol 2 --no-glob './|rm x.wav' -t wav - rate 8k |"),
        ("http://x/y.wav", "sox --vol 2 --no-glob ./http://x/y.wav -t wav - rate 8k |"),
        ("x.ark:15", "wav-copy x.ark:15 - | sox --vol 2 -t wav - -t wav - rate 8k |"),
    ],
)
def test_each_form_of_a_source_becomes_a_command(source, changed):
    assert through_sox(source, read="--vol 2", effects="rate 8k") == changed


def test_a_clip_of_an_hdf5_file_is_refused():
    with pytest.raises(InputError, match=r"x\.h5@16000:3: sox cannot read HDF5 files"):
        through_sox("x.h5@16000:3", effects="speed 1.1")


@needs_sox
def test_speed_renames_and_scales(directory, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["data", "speed", "0.8", str(directory), "fast"])
    made = DataDir("fast")
    assert made.table("utt2spk") == {"sp0.8-s-a": "sp0.8-s", "sp0.8-s-b": "sp0.8-s"}
    assert made.table("utt2uniq") == {"sp0.8-s-a": "s-a", "sp0.8-s-b": "s-b"}
    assert made.table("text") == {"sp0.8-s-a": "hello", "sp0.8-s-b": ""}
    assert made.table("spk2gender") == {"sp0.8-s": "f"}
    assert set(made.numbers("utt2dur").values()) == {0.625}
    assert set(made.numbers("reco2dur").values()) == {0.625}
    for source in made.table("wav.scp").values():
        assert abs(len(read_audio(source)) - 10000) <= 1
    assert not (tmp_path / "run").exists()


def test_segments_and_their_recordings_are_scaled_and_renamed(tmp_path):
    folder = write(
        tmp_path / "d",
        utt2spk="u s\nv s\n",
        wav_scp="r cat x |\n",
        segments="u r 0.9 1.8\nv r 1.8 -1\n",
        reco2dur="r 9\n",
        utt2dur="u 0.9\nv 7.2\n",
        reco2file_and_channel="r r A\n",
        utt2num_frames="u 90\nv 720\n",
        feats_scp="u x.ark:5\nv x.ark:99\n",
    )
    main(["data", "speed", "--include-spk-prefix", "false", "0.9", str(folder), f"{folder}2"])
    made = DataDir(f"{folder}2")
    assert made.table("segments") == {
        "sp0.9-u": "sp0.9-r 1.0 2.0",
        "sp0.9-v": "sp0.9-r 2.0 -1",
    }
    assert made.table("wav.scp") == {"sp0.9-r": "cat x | sox -t wav - -t wav - speed 0.9 |"}
    assert made.numbers("reco2dur") == {"sp0.9-r": 10}
    assert made.table("utt2spk") == {"sp0.9-u": "s", "sp0.9-v": "s"}
    assert made.table("reco2file_and_channel") == {"sp0.9-r": "r A"}
    assert not made.has("feats.scp") and not made.has("utt2num_frames")


@pytest.mark.parametrize(
    ("options", "prefix", "speakers"),
    [
        ([], "", "s sp0.9-s sp1.1-s"),
        (["--always-include-prefix", "true"], "sp1.0-", "sp0.9-s sp1.0-s sp1.1-s"),
        (["--include-spk-prefix", "false"], "", "s"),
    ],
)
def test_three_speeds_in_one_directory(directory, tmp_path, capsys, options, prefix, speakers):
    main(["data", "speeds", *options, str(directory), str(tmp_path / "sp")])
    utterances = [f"{speed}{u}" for speed in (prefix, "sp0.9-", "sp1.1-") for u in ("s-a", "s-b")]
    assert keys(tmp_path / "sp" / "wav.scp") == sorted(utterances)
    assert keys(tmp_path / "sp" / "spk2utt") == speakers.split()
    assert keys(directory / "utt2dur") == ["s-a", "s-b"]  # measured before the speed was changed
    assert "valid, 6 utterances" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    (tmp_path / "sp" / "feats.scp").touch()
    with pytest.raises(SystemExit):
        main(["data", "speeds", str(directory), str(tmp_path / "sp")])
    assert "sp/feats.scp: exists" in capsys.readouterr().err


@needs_sox
def test_volume_is_drawn_once_and_features_are_set_aside(directory, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    before = {u: read_audio(s.source) for u, s in DataDir(directory).audio_sources().items()}
    write(directory, feats_scp="s-a x.ark:5\ns-b x.ark:9\n")
    main(["data", "volume", "--write-reco2vol", "factors", str(directory)])
    factors = DataDir(tmp_path).numbers("factors")
    assert all(0.125 <= factor <= 2 for factor in factors.values()) and len(factors) == 2
    for utterance, source in DataDir(directory).table("wav.scp").items():
        limited = np.clip(before[utterance] * factors[utterance], -1, 1)
        np.testing.assert_allclose(read_audio(source), limited, atol=1e-4)
    assert (directory / ".backup" / "feats.scp").exists() and not (directory / "feats.scp").exists()
    changed = (directory / "wav.scp").read_text()
    main(["data", "volume", str(directory)])
    assert (directory / "wav.scp").read_text() == changed
    assert "its volume was changed before" in capsys.readouterr().out
    (tmp_path / "factors").write_text("s-a 0.5\n")
    with pytest.raises(SystemExit):
        main(["data", "volume", "--force", "true", "--reco2vol", "factors", str(directory)])
    assert "no volume for 1 recordings (first: s-b)" in capsys.readouterr().err


@needs_sox
def test_recordings_are_resampled_when_read(directory, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["data", "resample", "8000", str(directory)])
    for source in DataDir(directory).table("wav.scp").values():
        assert len(read_audio(source, sample_rate=8000)) == 4000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["speed", "fast", "d", "e"], "speed 'fast': expected a factor such as 0.9"),
        (["volume", "--scale-low", "3", "d"], "volumes from 3 to 2: expected a range above 0"),
        (["resample", "0", "d"], "sample rate 0: expected Hz"),
        (["speed", "0.9", "d", "d"], "source and destination are the same directory"),
    ],
)
def test_senseless_calls_are_refused(directory, tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["data", *words])
    assert message in capsys.readouterr().err
