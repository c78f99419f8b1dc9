"""Audio against soundfile and scipy: formats, segments, archives, commands, and what is refused."""

import errno
import os
import stat
import struct

import kaldiio
import numpy as np
import pytest
import soundfile
import soxr
from scipy.signal import resample_poly

from asda.audio.wav_scp import AudioSegment
from asda.audio.waveform import AudioError, audio_blocks, audio_duration, read_audio
from asda.features.extract import features_or_reason
from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig

RATE = 16000
FBANK = Fbank(FbankConfig())


def noise(samples: int = 8000, channels: int = 1, seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).uniform(-0.9, 0.9, (samples, channels))
    return values.astype(np.float32)


@pytest.mark.parametrize(
    ("name", "subtype", "error"),
    [
        ("a.wav", "PCM_16", 2**-15),
        ("a.wav", "PCM_24", 2**-23),
        ("a.wav", "PCM_U8", 2**-7),
        ("a.wav", "FLOAT", 0),
        ("a.wav", "DOUBLE", 0),
        ("a.flac", "PCM_16", 2**-15),
    ],
)
def test_lossless_formats(tmp_path, name, subtype, error):
    path, samples = str(tmp_path / name), noise()
    soundfile.write(path, samples, RATE, subtype=subtype)
    read = read_audio(path)
    assert read.dtype == np.float32
    assert np.abs(read - samples[:, 0]).max() <= error
    assert audio_duration(path) == 0.5


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.aiff"])
def test_all_16_bit_values_are_those_of_libsndfile(tmp_path, name):
    path = str(tmp_path / name)
    values = np.random.default_rng(0).permutation(np.arange(-32768, 32768)).astype(np.int16)
    for samples in (values, values.reshape(-1, 2)):
        soundfile.write(path, samples, RATE, subtype="PCM_16")
        expected = soundfile.read(path, dtype="float32", always_2d=True)[0]
        for channel in range(expected.shape[1]):
            found = read_audio(path, channel=channel)
            np.testing.assert_array_equal(found, expected[:, channel])
        np.testing.assert_array_equal(read_audio(path), expected.mean(axis=1))


@pytest.mark.parametrize("name", ["a.ogg", "a.mp3"])
def test_segments_of_lossy_formats_are_parts_of_the_whole(tmp_path, name):
    path = str(tmp_path / name)
    soundfile.write(path, noise(48000), RATE)
    whole = read_audio(path)
    part = read_audio(path, start=1.2503, end=2.0)
    assert len(whole) == 48000
    # decoders of MP3 carry bits over from earlier frames
    np.testing.assert_allclose(part, whole[20005 : 20005 + 11995], atol=2e-3)


def test_channels_are_joined_before_resampling(tmp_path):
    path, samples = str(tmp_path / "a.wav"), noise(24000, 3)
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(path), samples.mean(axis=1), atol=1e-7)
    np.testing.assert_array_equal(read_audio(path, channel=2), samples[:, 2])
    with pytest.raises(AudioError, match="no channel 3: there are 3, from 0"):
        read_audio(path, channel=3)


@pytest.mark.parametrize("rate", [8000, 11025, 32000, 44100, 48000])
def test_resampling_keeps_what_both_rates_hold(tmp_path, rate):
    path, count = str(tmp_path / "a.wav"), rate + 7
    time = np.arange(count) / rate
    tones = sum(np.sin(2 * np.pi * freq * time + freq) for freq in (50, 440, 1000, 3000)) / 5
    soundfile.write(path, tones, rate, subtype="FLOAT")
    read = read_audio(path)
    assert len(read) == round(count / rate * RATE)
    inner = slice(800, -800)
    expected = sum(
        np.sin(2 * np.pi * freq * np.arange(len(read)) / RATE + freq) / 5
        for freq in (50, 440, 1000, 3000)
    )
    assert np.abs(read - expected)[inner].max() < 2e-4


def test_resampling_removes_what_the_new_rate_cannot_hold(tmp_path):
    path = str(tmp_path / "a.wav")
    soundfile.write(path, np.sin(2 * np.pi * 10000 * np.arange(48000) / 48000), 48000)
    assert np.abs(read_audio(path)[800:-800]).max() < 1e-4


def test_real_audio_is_near_to_another_resampler(shared):
    path = next(iter(sorted((shared / "data/fsdd/recordings").glob("*.wav"))))
    samples, rate = soundfile.read(path)
    read = read_audio(str(path))
    assert np.corrcoef(read, resample_poly(samples, RATE, rate)[: len(read)])[0, 1] > 0.999


def test_segment_rounds_to_samples_and_may_overshoot_a_little(tmp_path):
    path, samples = str(tmp_path / "a.wav"), noise(RATE)
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    np.testing.assert_array_equal(read_audio(path, start=0.25, end=0.75), samples[4000:12000, 0])
    np.testing.assert_array_equal(read_audio(path, start=0.25, end=1.4), samples[4000:, 0])
    np.testing.assert_array_equal(read_audio(path, start=0.9999), samples[15998:, 0])


@pytest.mark.parametrize("sizes", [(0xFFFFFFFF, 0xFFFFFFFF), (0x7FFFF024, 0x7FFFF000)])
def test_command_whose_header_does_not_know_the_length(tmp_path, sizes):
    values = (noise()[:, 0] * 32768).astype("<i2")
    header = struct.pack(
        "<4sI8sIHHIIHH", b"RIFF", sizes[0], b"WAVEfmt ", 16, 1, 1, RATE, 32000, 2, 16
    )
    (tmp_path / "a b.wav").write_bytes(
        header + struct.pack("<4sI", b"data", sizes[1]) + values.tobytes()
    )
    source = f"cat '{tmp_path}/a b.wav' | cat |"
    np.testing.assert_array_equal(read_audio(source), values / np.float32(32768))
    assert audio_duration(source) == 0.5
    np.testing.assert_array_equal(read_audio(source, start=0.1, end=0.2), values[1600:3200] / 32768)


def test_audio_in_archives(tmp_path):
    path = str(tmp_path / "wav.ark")
    clips = {f"utt{n}": (noise(3000 + n, seed=n) * 32768).astype(np.int16) for n in range(3)}
    kaldiio.save_ark(path, {k: (RATE, v[:, 0]) for k, v in clips.items()}, scp=f"{path}.scp")
    flac = str(tmp_path / "flac.ark")
    kaldiio.save_ark(
        flac,
        {k: (v, RATE) for k, v in clips.items()},
        scp=f"{flac}.scp",
        write_function="soundfile",
        write_kwargs={"format": "flac"},
    )
    for scp in (f"{path}.scp", f"{flac}.scp"):
        with open(scp, encoding="utf-8") as lines:
            for line in lines:
                key, source = line.split()
                np.testing.assert_array_equal(read_audio(source) * 32768, clips[key][:, 0])
    with pytest.raises(AudioError, match="no audio at byte 3"):
        read_audio(f"{path}:3")
    with pytest.raises(AudioError, match="No such file"):
        read_audio(f"{tmp_path}/none.ark:3")


def test_other_formats_go_through_ffmpeg(tmp_path, monkeypatch):
    path, samples = tmp_path / "a.m4a", noise(12000, 2)
    path.write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
    monkeypatch.setenv("PATH", f"{tmp_path}")
    with pytest.raises(AudioError, match="unknown format; install ffmpeg, which reads more"):
        read_audio(str(path))
    # stands in for ffmpeg: what it writes to a pipe, a header without length
    header = struct.pack(">4s5I", b".snd", 24, 0xFFFFFFFF, 6, RATE, 2)
    (tmp_path / "decoded").write_bytes(header + samples.astype(">f4").tobytes())
    script = tmp_path / "ffmpeg"
    script.write_text(
        f'#!/bin/sh\necho "$@" > "{tmp_path}/words"\nexec /bin/cat "{tmp_path}/decoded"\n'
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    np.testing.assert_allclose(
        read_audio(str(path), start=0.25, end=0.5), samples[4000:8000].mean(axis=1), atol=1e-7
    )
    assert f"-i file:{path} -map 0:a:0 -c:a pcm_f32be -f au -" in (tmp_path / "words").read_text()
    assert audio_duration(str(path)) == 0.75
    script.write_text("#!/bin/sh\necho psf_fseek: Invalid argument >&2\nexit 69\n")
    with pytest.raises(AudioError, match=r"^truncated: the index at the end of this MP4 file is"):
        read_audio(str(path))
    path.write_bytes(b"\1\2\3" * 1000)
    with pytest.raises(AudioError, match=r"^unreadable: neither libsndfile nor ffmpeg can decode"):
        read_audio(str(path))


def broken(folder, name):
    path = folder / f"{name}.wav"
    samples = noise()
    if name == "nan":
        samples[100] = np.nan
    elif name == "infinite":
        samples[100] = np.inf
    elif name == "silent":
        samples[:] = 0.25
    elif name == "nosamples":
        samples = samples[:0]
    if name != "missing":
        soundfile.write(path, samples, RATE, subtype="FLOAT")
    if name == "nobytes":
        path.write_bytes(b"")
    elif name == "text":
        path.write_text("no audio at all\n" * 10)
    return str(path)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nan", "not finite"),
        ("infinite", "not finite"),
        ("silent", r"silent: all 8000 samples are 0\.25"),
        ("nosamples", "empty: no audio"),
        ("nobytes", "empty file: .*nobytes.wav"),
        ("text", "not audio but text: .*text.wav"),
        ("missing", "no such file: .*missing.wav"),
    ],
)
def test_unusable_audio_is_refused_with_its_reason(tmp_path, name, reason, monkeypatch):
    monkeypatch.setenv("PATH", os.defpath)
    with pytest.raises(AudioError, match=reason):
        read_audio(broken(tmp_path, name))


def test_a_name_that_is_not_utf_8(tmp_path):
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/bad\xe9")
    os.mkdir(folder)
    soundfile.write(tmp_path / "a.wav", noise(), RATE)
    os.rename(tmp_path / "a.wav", f"{folder}/a.wav")
    for read in (read_audio, audio_duration):
        with pytest.raises(AudioError, match=r"name is not UTF-8: .*bad\\udce9/a\.wav"):
            read(f"{folder}/a.wav")


def test_impossible_segments_and_commands(tmp_path):
    path = str(tmp_path / "a.wav")
    soundfile.write(path, noise(RATE), RATE)
    with pytest.raises(AudioError, match=r"too short: ends at 1\.00 s, its segment at 1\.6 s"):
        read_audio(path, start=0.5, end=1.6)
    with pytest.raises(AudioError, match=r"empty: no audio from 1 s"):
        read_audio(path, start=1.0)
    with pytest.raises(AudioError, match="failed with status 3: no such tape"):
        read_audio("{ echo no such tape >&2; exit 3; } | cat |")
    with pytest.raises(AudioError, match="not audio but text: what the command writes"):
        read_audio("echo hello |")
    with pytest.raises(AudioError, match="empty: the command writes nothing"):
        read_audio("true |")


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        (0.0, np.inf, "from 0 s to inf s; correct its times"),
        (np.nan, 1.0, "from nan s to 1 s; correct its times"),
        (np.inf, None, "from inf s to the end; correct its times"),
        (-0.01, 1.0, "from -0.01 s to 1 s; correct its times"),
        (0.5, 0.5, "it ends at 0.5 s and starts at 0.5 s"),
        (2.0, 1.0, "it ends at 1 s and starts at 2 s"),
    ],
)
def test_times_that_no_segment_has(start, end, reason):
    with pytest.raises(AudioError, match=f"^impossible segment.*{reason}$"):
        read_audio("whatever.wav", start=start, end=end)


@pytest.mark.parametrize("left", [1.0, 0.995])
def test_channels_that_cancel_are_not_called_silent(tmp_path, left):
    path, samples = str(tmp_path / "a.wav"), noise()
    soundfile.write(path, np.hstack([samples * left, -samples]), RATE, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"its channels cancel each other.* remix 1"):
        read_audio(path)
    np.testing.assert_array_equal(read_audio(path, channel=1), -samples[:, 0])


def test_any_fault_of_a_library_is_the_reason_of_one_utterance(tmp_path, monkeypatch):
    path = str(tmp_path / "a.wav")
    soundfile.write(path, noise(), 8000)
    for fault, reason in (
        (RuntimeError("out\nof tune"), "unreadable: RuntimeError: out of tune"),
        (MemoryError(), "too long: its samples do not fit into memory"),
        (OSError(errno.EIO, "Input/output error", "a.wav"), "Input/output error: a.wav"),
    ):
        monkeypatch.setattr(soxr, "resample", lambda *_, fault=fault, **__: raise_(fault))
        with pytest.raises(AudioError) as found:
            read_audio(path)
        assert str(found.value) == reason


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOMEM, errno.ENOSPC])
def test_a_fault_of_the_machine_makes_no_audio_unusable(tmp_path, monkeypatch, number):
    """A dump would leave the clip out, and a later call would not compute it."""
    path = str(tmp_path / "a.wav")
    soundfile.write(path, noise(), 8000)
    monkeypatch.setattr(soxr, "resample", lambda *_, **__: raise_(OSError(number, "no more")))
    for read in (read_audio, lambda path: features_or_reason("a", AudioSegment(path), FBANK)):
        with pytest.raises(OSError, match="no more") as found:
            read(path)
        assert (found.value.errno, found.value.filename) == (number, path)


def raise_(error: Exception) -> None:
    raise error


@pytest.mark.parametrize("resampler", ["soxr", "torchaudio"])
@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_blocks_are_the_audio_as_a_whole(tmp_path, monkeypatch, rate, resampler):
    path = str(tmp_path / "a.flac")
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (3 * rate + 7, 2))
    soundfile.write(path, samples, rate)
    whole = read_audio(path, 16000, start=0.4, end=2.9, resampler=resampler)
    monkeypatch.setattr("asda.audio.decoding.BLOCK", 5001)
    blocks = list(audio_blocks(path, 16000, start=0.4, end=2.9, resampler=resampler))
    assert len(blocks) > 5
    np.testing.assert_allclose(np.concatenate(blocks), whole, rtol=0, atol=1e-6)


def test_a_file_that_ends_early_is_refused_after_its_blocks(tmp_path, monkeypatch):
    path = tmp_path / "a.flac"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 48000), 16000)
    path.write_bytes(path.read_bytes()[:-20000])
    monkeypatch.setattr("asda.audio.decoding.BLOCK", 4000)
    with pytest.raises(AudioError, match="truncated"):
        list(audio_blocks(str(path), 16000))
