"""What cannot be audio is named in the user's words, and never in those of a library."""

import os
import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from asda.audio.waveform import AudioError, audio_duration, read_audio

needs_ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs ffmpeg")
NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, 16000)
LIBRARY_WORDS = ("psf_", "Invalid argument", "libsndfile error", "Error opening", "Errno")


def reason(source: object) -> str:
    """Return why audio is refused, by reading and by measuring alike."""
    reasons = set()
    for use in (read_audio, audio_duration):
        with pytest.raises(AudioError) as found:
            use(str(source))
        reasons.add(str(found.value))
    (text,) = reasons
    assert not any(word in text for word in LIBRARY_WORDS), text
    return text


@pytest.mark.parametrize("suffix", ["wav", "mp3", "flac", "ogg", "m4a"])
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<html><body>404 Not Found</body></html>\n" * 60, "an HTML page"),
        (b"\n<!DOCTYPE HTML PUBLIC>\n<title>Anmeldung \xc3\xbc</title>" * 20, "an HTML page"),
        (b'<?xml version="1.0"?><Error>AccessDenied</Error>', "an XML document"),
        (b'{"error": "quota exceeded"}', "JSON text"),
        (b"Sorry, this file is private.\n" * 40, "text"),
        (b"PK\x03\x04" + bytes(range(256)) * 4, "a ZIP archive"),
        (b"\x1f\x8b\x08" + bytes(range(256)) * 4, "a gzip archive"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12345\n",
            "a Git LFS pointer; git lfs pull gets the audio",
        ),
        (
            b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(4096),
            "metadata of a Mac (AppleDouble); it can be deleted",
        ),
        (b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(range(256)) * 4, "a picture"),
        (b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk" + bytes(100), "a MIDI file, which holds notes"),
        (bytes(5000), "a file of zeros; copy or download it again"),
    ],
)
def test_other_files_with_the_name_of_audio(tmp_path, content, kind, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    assert reason(path) == f"not audio but {kind}: {path}"


def test_headerless_samples(tmp_path, monkeypatch):
    path = tmp_path / "a.raw"
    (NOISE * 32767).astype("<i2").tofile(path)
    assert reason(path).startswith(
        "no header: a .raw file does not state its sample rate and format; sta"
    )
    soundfile.write(tmp_path / "a.wav", NOISE, 16000)
    (tmp_path / "a.wav").rename(path)  # a header in spite of the name
    assert audio_duration(str(path)) == len(read_audio(str(path))) / 16000 == 1.0


@pytest.mark.parametrize("suffix", ["au", "snd", "al", "ul", "sw", "pcm", "s16"])
def test_a_name_is_not_believed_where_decoders_guess_the_rate(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    (NOISE * 32767).astype("<i2").tofile(path)
    assert reason(path).startswith(f"no header: a .{suffix} file does not state its sample rate ")
    soundfile.write(path, NOISE, 8000, format="WAV")  # the samples' own header counts
    assert audio_duration(str(path)) == 2.0 == len(read_audio(str(path), 8000)) / 8000


@needs_ffmpeg
@pytest.mark.parametrize("suffix", ["au", "gsm"])
def test_what_only_ffmpeg_reads_under_a_misleading_name(tmp_path, suffix):
    soundfile.write(tmp_path / "a.wav", NOISE, 16000)
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", tmp_path / "a.wav", "-f", "tta"]
    subprocess.run([*command, tmp_path / f"a.{suffix}"], check=True)
    found = read_audio(str(tmp_path / f"a.{suffix}"))
    np.testing.assert_array_equal(found, read_audio(str(tmp_path / "a.wav")))


@needs_ffmpeg
def test_bytes_that_are_no_stream_of_gsm(tmp_path):
    (tmp_path / "a.gsm").write_bytes(np.random.default_rng(0).bytes(70000))
    assert reason(tmp_path / "a.gsm").startswith("unreadable: neither libsndfile nor ffmpeg")


def test_a_file_of_four_bytes(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    assert reason(tmp_path / "a.wav").startswith("unreadable: ")


def test_what_is_no_file(tmp_path):
    assert reason(tmp_path) == f"not a file but a folder: {tmp_path}"
    os.mkfifo(tmp_path / "pipe.wav")
    assert reason(tmp_path / "pipe.wav").startswith("not a file but a pipe or device: ")
    (tmp_path / "link.wav").symlink_to(tmp_path / "gone.wav")
    assert reason(tmp_path / "link.wav").endswith("link.wav (a link to a file that is gone)")
    (tmp_path / "file").touch()
    assert reason(tmp_path / "file" / "a.wav") == f"Not a directory: {tmp_path}/file/a.wav"
    assert reason(tmp_path / ("a" * 300)).startswith("File name too long: ")
    assert reason(f"{tmp_path}/a\0b.wav").startswith("unreadable: ValueError")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_without_permission(tmp_path):
    soundfile.write(tmp_path / "a.wav", NOISE, 16000)
    (tmp_path / "a.wav").chmod(0)
    assert reason(tmp_path / "a.wav") == f"Permission denied: {tmp_path}/a.wav"


def test_too_many_open_files(tmp_path):
    soundfile.write(tmp_path / "a.wav", NOISE, 16000)
    script = f"""
import resource
from asda.audio.waveform import read_audio
read_audio("{tmp_path}/a.wav")
resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))
streams = []
try:
    while True:
        streams.append(open("/dev/null"))
except OSError:
    pass
try:
    read_audio("{tmp_path}/a.wav")
except OSError as error:
    streams.clear()
    print(error)
"""
    command = [os.environ.get("PYTHON", "python"), "-c", script]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout == f"[Errno 24] Too many open files: '{tmp_path}/a.wav'\n"


def test_wav_of_unknown_length_in_an_archive(tmp_path):
    soundfile.write(tmp_path / "a.wav", NOISE, 16000)
    data = bytearray((tmp_path / "a.wav").read_bytes())
    data[4:8] = b"\xff" * 4
    (tmp_path / "a.ark").write_bytes(b"key " + data)
    assert reason(f"{tmp_path}/a.ark:4").startswith("WAV of unknown length inside an archive: ")


def test_nist_files_that_need_their_own_tool(tmp_path):
    fields = "sample_count -i 80000\nsample_n_bytes -i 2\nchannel_count -i 1\nsample_rate -i 16000"
    coding = "sample_byte_format -s2 01\nsample_coding -s26 pcm,embedded-shorten-v2.00"
    header = f"NIST_1A\n   1024\n{fields}\n{coding}\nend_head\n".encode().ljust(1024)
    (tmp_path / "a.sph").write_bytes(header + np.random.default_rng(0).bytes(60000))
    assert reason(tmp_path / "a.sph").startswith("compressed by shorten; write in wav.scp: sph2pi")


@needs_ffmpeg
def test_a_video_without_sound(tmp_path):
    path = tmp_path / "a.mp4"
    picture = ["-f", "lavfi", "-i", "color=c=blue:s=64x64:d=1", "-an"]
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", *picture, path], check=True)
    assert reason(path) == f"no audio: {path} has no audio stream, perhaps only pictures"


def test_flac_with_a_fault_in_its_middle(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, np.tile(NOISE, 4), 16000)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 9000] = bytes(9000)
    path.write_bytes(data)
    with pytest.raises(AudioError, match=r"^damaged: (neither libsndfile nor ffmpeg|cannot be de)"):
        read_audio(str(path))
