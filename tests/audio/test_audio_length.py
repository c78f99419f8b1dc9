"""Lengths: what a file holds counts, and not what its header states."""

import re
import shutil
import struct
import subprocess

import numpy as np
import pytest
import soundfile

from asda.audio.waveform import AudioError, audio_duration, read_audio

RATE, COUNT = 16000, 80000
needs_ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs ffmpeg")


def sound(count: int = COUNT) -> np.ndarray:
    """Noise below a tone that gets louder, int16: frames of compressed formats differ in size."""
    time = np.arange(count) / RATE
    tone = 0.5 * np.sin(2 * np.pi * 300 * time) * np.linspace(0.01, 1, count)
    noise = 0.2 * np.random.default_rng(0).standard_normal(count)
    return ((tone + noise).clip(-0.99, 0.99) * 32767).astype(np.int16)


def made(folder, suffix: str, subtype: str | None = None, rate: int = RATE) -> str:
    path = str(folder / f"whole.{suffix}")
    container = {"opus": "OGG", "sph": "NIST"}.get(suffix, suffix.upper())
    subtype = {"opus": "OPUS"}.get(suffix, subtype)
    soundfile.write(path, sound(), rate, format=container, subtype=subtype)
    return path


def changed(path: str, new_path: str, *edits: tuple[bytes, int, bytes]) -> str:
    """Write a copy with the bytes at an offset from a marker replaced."""
    with open(path, "rb") as stream:
        data = bytearray(stream.read())
    for marker, offset, new in edits:
        at = data.index(marker) + offset
        data[at : at + len(new)] = new
    with open(new_path, "wb") as stream:
        stream.write(data)
    return new_path


def without_ffmpeg(monkeypatch) -> None:
    monkeypatch.setattr("asda.audio.ffmpeg.shutil.which", lambda _: None)


def decoded_by_ffmpeg(path: str) -> np.ndarray:
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-ar", str(RATE)]
    ran = subprocess.run([*command, "-f", "f32le", "-"], capture_output=True, check=True)
    return np.frombuffer(ran.stdout, np.float32)


ZERO, ONES = bytes(8), b"\xff" * 8
STREAMS = {  # suffix and marks of the places where a length stands, with what encoders put there
    "wav, sizes 0": ("wav", [(b"RIFF", 4, ZERO[:4]), (b"data", 4, ZERO[:4])]),
    "wav, samples 0": ("wav", [(b"data", 4, ZERO[:4])]),
    "wav, all ones": ("wav", [(b"RIFF", 4, ONES[:4]), (b"data", 4, ONES[:4])]),
    "wav, of SoX": ("wav", [(b"data", 4, struct.pack("<I", 0x7FFFF000))]),
    "au, 0": ("au", [(b".snd", 8, ZERO[:4])]),
    "au, all ones": ("au", [(b".snd", 8, ONES[:4])]),
    "aiff, 0": ("aiff", [(b"FORM", 4, ZERO[:4]), (b"COMM", 10, ZERO[:4]), (b"SSND", 4, ZERO[:4])]),
    "aiff, of SoX": ("aiff", [(b"SSND", 4, struct.pack(">I", 0x7F000008))]),
    "caf, -1": ("caf", [(b"data", 4, ONES)]),
    "caf, 0": ("caf", [(b"data", 4, ZERO)]),
    "w64, 0": ("w64", [(b"riff", 16, ZERO), (b"data", 16, ZERO)]),
    "w64, all ones": ("w64", [(b"data", 16, ONES)]),
    "rf64, 0": ("rf64", [(b"ds64", 8, ZERO * 3)]),
    "rf64, all ones": ("rf64", [(b"ds64", 8, ONES * 3)]),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_header_without_a_length(tmp_path, name, monkeypatch):
    without_ffmpeg(monkeypatch)
    suffix, edits = STREAMS[name]
    path = changed(made(tmp_path, suffix, "PCM_16"), f"{tmp_path}/stream.{suffix}", *edits)
    for source in (path, f"cat {path} |"):
        np.testing.assert_array_equal(read_audio(source), sound() / np.float32(32768))
        assert audio_duration(source) == COUNT / RATE
        part = read_audio(source, start=1.0, end=2.0)
        np.testing.assert_array_equal(part, sound()[RATE : 2 * RATE] / np.float32(32768))


def of_unknown_length(path: str, new_path: str) -> str:
    with open(path, "rb") as stream:
        data = bytearray(stream.read())
    data[21:26] = bytes([data[21] & 0xF0, 0, 0, 0, 0])
    with open(new_path, "wb") as stream:
        stream.write(data)
    return new_path


@pytest.mark.parametrize("count", [1, 100, 4095, 4096, 4097, 79999, COUNT])
def test_flac_of_unknown_length(tmp_path, count, monkeypatch):
    without_ffmpeg(monkeypatch)
    soundfile.write(tmp_path / "whole.flac", sound(count), RATE)
    path = of_unknown_length(f"{tmp_path}/whole.flac", f"{tmp_path}/unknown.flac")
    for source in (path, f"cat {path} |"):
        assert audio_duration(source) == count / RATE
        if count > 1:
            np.testing.assert_array_equal(read_audio(source), sound(count) / np.float32(32768))


def test_bytes_that_look_like_a_frame_of_flac_are_not_believed(tmp_path):
    path = made(tmp_path, "flac")
    with open(path, "ab") as stream:  # a valid header of frame 7, of 4096 samples at 16 kHz
        stream.write(bytes.fromhex("fff8c50807") + b"\x4f" + bytes(40))
    assert audio_duration(path) == COUNT / RATE


def cut(path: str, fraction: float) -> str:
    with open(path, "rb") as stream:
        data = stream.read()
    new_path = path.replace("whole", "cut")
    with open(new_path, "wb") as stream:
        stream.write(data[: round(len(data) * fraction)])
    return new_path


@pytest.mark.parametrize("fraction", [0.3, 0.5, 0.8])
@pytest.mark.parametrize(
    ("suffix", "subtype", "tolerance"),
    [
        ("wav", "PCM_16", 0.005),
        ("wav", "PCM_24", 0.005),
        ("wav", "ULAW", 0.005),
        ("wav", "IMA_ADPCM", 0.1),
        ("wav", "MS_ADPCM", 0.25),
        ("wav", "GSM610", 0.05),
        ("aiff", "PCM_16", 0.005),
        ("au", "PCM_16", 0.005),
        ("au", "G721_32", 0.05),
        ("w64", "PCM_16", 0.005),
        ("rf64", "PCM_16", 0.005),
        ("sph", "PCM_16", 0.04),
        ("svx", "PCM_16", 0.005),
        ("flac", None, 0.005),
        ("mp3", None, 0.005),
    ],
)
def test_a_truncated_file_is_refused_with_both_lengths(
    tmp_path, suffix, subtype, tolerance, fraction
):
    path = cut(made(tmp_path, suffix, subtype), fraction)
    for use in (read_audio, audio_duration):
        with pytest.raises(AudioError) as found:
            use(path)
        message = re.fullmatch(
            r"truncated: ([\d.]+) s of the ([\d.]+) s that its header states; "
            "copy or download it again",
            str(found.value),
        )
        assert message, found.value
        assert float(message[2]) == pytest.approx(5.0, abs=tolerance)
        if suffix not in ("flac", "mp3"):  # whose frames have different sizes
            assert float(message[1]) == pytest.approx(5.0 * fraction, abs=tolerance + 0.01)


@pytest.mark.parametrize("suffix", ["ogg", "opus"])
def test_ogg_that_breaks_off(tmp_path, suffix):
    whole = made(tmp_path, suffix)
    for use in (read_audio, audio_duration):
        with pytest.raises(
            AudioError, match=r"^truncated: it ends after [123]\.\d\d s, inside a page; copy"
        ):
            use(cut(whole, 0.6))
    assert audio_duration(whole) == COUNT / RATE == len(read_audio(whole)) / RATE


def pages_of(data: bytes) -> list[bytes]:
    """Return the pages of an Ogg file."""
    pages = []
    while data:
        body = 27 + data[26]
        end = body + sum(data[27:body])
        pages.append(data[:end])
        data = data[end:]
    return pages


def test_ogg_without_some_of_its_pages(tmp_path):
    with open(made(tmp_path, "ogg"), "rb") as stream:
        pages = pages_of(stream.read())
    middle = len(pages) // 2
    (tmp_path / "hole.ogg").write_bytes(b"".join(pages[:middle] + pages[middle + 1 :]))
    for use in (read_audio, audio_duration):
        with pytest.raises(AudioError, match=r"truncated: 4\.\d\d s of the 5\.00 s"):
            use(f"{tmp_path}/hole.ogg")
    # A recording of a stream that was joined late lacks nothing that was stated.
    (tmp_path / "late.ogg").write_bytes(b"".join(pages[:2] + pages[middle:]))
    found = read_audio(f"{tmp_path}/late.ogg")
    assert RATE < len(found) == round(RATE * audio_duration(f"{tmp_path}/late.ogg")) < COUNT
    whole = read_audio(f"{tmp_path}/whole.ogg")
    np.testing.assert_allclose(found[-RATE:], whole[-RATE:], atol=1e-6)


def test_segments_before_the_end_of_a_truncated_file_can_be_used(tmp_path):
    path = cut(made(tmp_path, "wav"), 0.5)
    part = read_audio(path, start=1.0, end=2.0)
    np.testing.assert_array_equal(part, sound()[RATE : 2 * RATE] / np.float32(32768))
    with pytest.raises(AudioError, match=r"too short: ends at 2\.50 s, its segment at 4 s"):
        read_audio(path, start=1.0, end=4.0)


@pytest.mark.parametrize("suffix", ["wav", "au", "aiff", "flac", "ogg", "opus", "mp3"])
def test_joined_files_are_read_to_the_end(tmp_path, suffix, monkeypatch):
    without_ffmpeg(monkeypatch)
    path = made(tmp_path, suffix)
    one = read_audio(path)
    joined = f"{tmp_path}/joined.{suffix}"
    for times in (2, 3):
        with open(path, "rb") as stream, open(joined, "wb") as out:
            out.write(stream.read() * times)
        for source in (joined, f"cat {joined} |"):
            np.testing.assert_array_equal(read_audio(source), np.tile(one, times))
            assert audio_duration(source) == times * COUNT / RATE
    part = read_audio(joined, start=6.0, end=7.0)
    np.testing.assert_array_equal(part, one[RATE : 2 * RATE])


def test_joined_files_of_different_rates_are_refused(tmp_path):
    with open(f"{tmp_path}/a.mp3", "wb") as out:
        for rate in (16000, 8000):
            with open(made(tmp_path, "mp3", rate=rate), "rb") as stream:
                out.write(stream.read())
    with pytest.raises(AudioError, match="different kinds: 8000 Hz, 1 ch and 16000 Hz, 1 ch"):
        read_audio(f"{tmp_path}/a.mp3")


def variable_mp3(folder) -> tuple[bytes, int]:
    """Return an MP3 file of variable bit rate and the length of its Info frame."""
    quiet = np.concatenate([sound() // 500, sound(), sound()])
    path = f"{folder}/vbr.mp3"
    soundfile.write(path, quiet, RATE, bitrate_mode="VARIABLE", compression_level=0.4)
    with open(path, "rb") as stream:
        data = stream.read()
    kbits = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)[data[2] >> 4]
    return data, 72 * kbits * 1000 // RATE + (data[2] >> 1 & 1)


def test_mp3_of_variable_rate_without_the_number_of_frames(tmp_path, monkeypatch):
    without_ffmpeg(monkeypatch)
    data, first = variable_mp3(tmp_path)
    whole = read_audio(f"{tmp_path}/vbr.mp3")
    (tmp_path / "a.mp3").write_bytes(data[first:])
    assert soundfile.info(tmp_path / "a.mp3").frames < 3 * COUNT * 0.9  # by libsndfile's estimate
    found = read_audio(f"{tmp_path}/a.mp3")
    assert audio_duration(f"{tmp_path}/a.mp3") == len(found) / RATE
    padding = len(found) - len(whole)  # of the encoder, which the Info frame states
    assert 0 < padding <= 3 * 576
    start = int(np.argmax(np.correlate(found[2000 : 9000 + padding], whole[2000:9000], "valid")))
    np.testing.assert_allclose(found[start : start + len(whole)][2000:], whole[2000:], atol=2e-4)


def test_mp3_inside_wav(tmp_path):
    data, first = variable_mp3(tmp_path)
    (tmp_path / "a.mp3").write_bytes(data[first:])
    fmt = struct.pack("<HHIIHHHHIHHH", 0x55, 1, RATE, 4000, 1, 0, 12, 1, 2, 576, 1, 0)
    body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt
    body += b"fact" + struct.pack("<II", 4, 3 * COUNT)
    body += b"data" + struct.pack("<I", len(data) - first) + data[first:]
    (tmp_path / "a.wav").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    np.testing.assert_array_equal(read_audio(f"{tmp_path}/a.wav"), read_audio(f"{tmp_path}/a.mp3"))
    assert audio_duration(f"{tmp_path}/a.wav") == audio_duration(f"{tmp_path}/a.mp3")


@pytest.mark.parametrize("frames", [30, 2000])
def test_mp3_whose_number_of_frames_is_wrong(tmp_path, frames):
    variable_mp3(tmp_path)
    path = f"{tmp_path}/a.mp3"
    changed(f"{tmp_path}/vbr.mp3", path, (b"Xing", 8, frames.to_bytes(4, "big")))
    np.testing.assert_array_equal(read_audio(path), read_audio(f"{tmp_path}/vbr.mp3"))
    assert audio_duration(path) == 3 * COUNT / RATE


def test_mp3_between_tags(tmp_path):
    with open(made(tmp_path, "mp3"), "rb") as stream:
        data = stream.read()
    tag = b"ID3\4\0\0\0\0\2\1" + b"\xff\xfb\x90\0" * 64 + b"\0"
    (tmp_path / "tagged.mp3").write_bytes(tag + data + b"TAG" + bytes(125))
    np.testing.assert_array_equal(
        read_audio(f"{tmp_path}/tagged.mp3"), read_audio(f"{tmp_path}/whole.mp3")
    )
    assert audio_duration(f"{tmp_path}/tagged.mp3") == COUNT / RATE


@needs_ffmpeg
@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        ("wav", ""),
        ("au", ""),
        ("caf", ""),
        ("flac", ""),
        ("mp3", "-b:a 48k"),
        ("mp3", "-q:a 4"),
        ("ogg", ""),
        ("opus", ""),
    ],
)
def test_what_ffmpeg_writes_into_a_pipe_has_the_length_that_ffmpeg_reads(tmp_path, suffix, options):
    path = f"{tmp_path}/piped.{suffix}"
    write = f"ffmpeg -nostdin -v error -i - -ar {RATE} {options} -f {suffix} -"
    subprocess.run(f"{write} < {made(tmp_path, 'wav')} | cat > {path}", shell=True, check=True)
    expected = decoded_by_ffmpeg(path)
    found = read_audio(path)
    assert audio_duration(path) == len(found) / RATE
    assert abs(len(found) - len(expected)) <= 2  # by resampling of Opus
    if suffix != "opus":
        np.testing.assert_allclose(found, expected, atol=1e-4)


@needs_ffmpeg
@pytest.mark.parametrize("suffix", ["m4a", "webm", "wma", "tta", "avi"])
def test_truncated_files_that_ffmpeg_reads(tmp_path, suffix):
    path = f"{tmp_path}/whole.{suffix}"
    options = "-movflags faststart" if suffix == "m4a" else ""
    write = f"ffmpeg -nostdin -v error -i {made(tmp_path, 'wav')} {options} {path}"
    subprocess.run(write, shell=True, check=True)
    assert audio_duration(path) == pytest.approx(5.0, abs=0.08)
    for source in (cut(path, 0.6), f"cat {cut(path, 0.6)} |"):
        with pytest.raises(AudioError, match=r"truncated: [23]\.\d\d s of the [45]\.\d\d s that"):
            read_audio(source)


@needs_ffmpeg
def test_mp4_whose_index_is_cut_off(tmp_path):
    path = f"{tmp_path}/whole.m4a"
    write = f"ffmpeg -nostdin -v error -i {made(tmp_path, 'wav')} {path}"
    subprocess.run(write, shell=True, check=True)
    with pytest.raises(AudioError, match="truncated: the index at the end of this MP4 file"):
        read_audio(cut(path, 0.8))


@pytest.mark.parametrize(
    "rest",
    [
        b"LIST\x0a\0\0\0INFOabcdef",
        b"id3 \x04\0\0\0abcd",
        bytes(40000),
        b"TAG" + b"x" * 125,
    ],
)
def test_what_follows_the_samples_is_not_audio(tmp_path, rest):
    path = made(tmp_path, "wav")
    with open(path, "ab") as stream:
        stream.write(rest)
    np.testing.assert_array_equal(read_audio(path), sound() / np.float32(32768))
    assert audio_duration(path) == COUNT / RATE


def test_much_more_than_the_header_counts_is_refused_with_both_lengths(tmp_path):
    path = changed(
        made(tmp_path, "wav"), f"{tmp_path}/more.wav", (b"data", 4, struct.pack("<I", 2 * RATE))
    )
    with pytest.raises(AudioError, match=r"wrong header: it states 1\.00 s, but 4\.00 s more foll"):
        read_audio(path)


def test_an_empty_file_with_chunks_is_empty(tmp_path):
    path = f"{tmp_path}/none.wav"
    soundfile.write(path, sound(0), RATE)
    with open(path, "ab") as stream:
        stream.write(b"LIST\4\0\0\0INFO")
    with pytest.raises(AudioError, match="empty: no audio"):
        read_audio(path)


def wav_header(rate: int, channels: int, size: int) -> bytes:
    block = 2 * channels
    fields = (b"RIFF", 36 + size, b"WAVEfmt ", 16, 1, channels, rate)
    head = struct.pack("<4sI8sIHHI", *fields)
    return head + struct.pack("<IHH4sI", rate * block & 0xFFFFFFFF, block, 16, b"data", size)


@pytest.mark.parametrize("rate", [0, 1, 999, 2**31])
def test_rates_that_no_audio_has(tmp_path, rate):
    path = tmp_path / "a.wav"
    path.write_bytes(wav_header(rate, 1, 32000) + sound(16000).tobytes())
    for use in (read_audio, audio_duration):
        with pytest.raises(AudioError, match=r"^(damaged header: a sample rate of|unreadable)"):
            use(str(path))


def test_a_thousand_channels(tmp_path):
    path = tmp_path / "a.wav"
    frames = np.repeat(sound(100)[:, None], 1000, axis=1)
    path.write_bytes(wav_header(RATE, 1000, frames.nbytes) + frames.tobytes())
    np.testing.assert_allclose(read_audio(str(path)), sound(100) / 32768, atol=1e-5)


def test_huge_promises_take_no_memory(tmp_path):
    path = changed(made(tmp_path, "flac"), f"{tmp_path}/a.flac", (b"fLaC", 22, b"\xff\xff\xff\xff"))
    with pytest.raises(AudioError, match=r"truncated: 5\.00 s of the 268435\.46 s"):
        read_audio(path)


@pytest.mark.parametrize(
    ("suffix", "subtype"),
    [("wav", "GSM610"), ("au", "G721_32"), ("au", "G723_24"), ("aiff", "GSM610")],
)
def test_encodings_in_which_libsndfile_cannot_seek(tmp_path, suffix, subtype, monkeypatch):
    without_ffmpeg(monkeypatch)
    path = made(tmp_path, suffix, subtype, 8000)
    with soundfile.SoundFile(path) as audio:
        expected = audio.read(COUNT, dtype="float32")
    assert len(expected) == COUNT
    found = read_audio(path, 8000)  # G.721 and G.723 fill their last block
    assert COUNT <= len(found) <= COUNT + 120
    np.testing.assert_array_equal(found[:COUNT], expected)
    np.testing.assert_array_equal(read_audio(path, 8000, start=1, end=2), expected[8000:16000])
    assert audio_duration(path) == len(found) / 8000


@needs_ffmpeg
def test_a_bare_stream_of_gsm(tmp_path):
    with open(made(tmp_path, "raw", "GSM610", 8000), "rb") as stream:
        (tmp_path / "a.gsm").write_bytes(stream.read())
    soundfile.write(f"{tmp_path}/a.wav", sound(), 8000, subtype="GSM610")
    found = read_audio(f"{tmp_path}/a.gsm", 8000)
    assert len(found) == COUNT == 8000 * audio_duration(f"{tmp_path}/a.gsm")
    assert np.corrcoef(found, read_audio(f"{tmp_path}/a.wav", 8000))[0, 1] > 0.999
