"""Clips in HDF5 files, in both forms that AudioSet is packed in."""

import multiprocessing

import numpy as np
import pytest

from asda.audio.hdf5 import packed_clips, stated_rate
from asda.audio.wav_scp import split_source
from asda.audio.waveform import AudioError, audio_duration, read_audio

h5py = pytest.importorskip("h5py")
SOUND = np.random.default_rng(0).uniform(-0.5, 0.5, 3200)

STEREO = np.stack([SOUND, 0.5 * SOUND]).astype(np.float32)
SHAPES = {
    "wide": STEREO,
    "tall": STEREO.T,
    "one": STEREO[:1],
    "half": STEREO[0].astype(np.float16),
    "scalar": 32000,
    "square": np.ones((40, 50), np.float32),
    "tiny": np.ones((4, 5), np.float32),
    "cube": np.ones((2, 3, 3200), np.float32),
    "empty": np.zeros(0, np.float32),
    "hollow": np.zeros((2, 0), np.float32),
    "names": np.array([b"a", b"b"]),
    "pairs": np.zeros(5, [("left", "f4"), ("right", "f4")]),
    "complex": np.zeros(5, np.complex64),
}


@pytest.fixture
def packed(tmp_path):
    """A file of rows, one of which is int16 silence, and a file of datasets."""
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file["audio_name"] = np.array(["Yabc.wav", "Ydef.wav"], dtype="S20")
        file["waveform"] = np.stack([SOUND * 32768, np.zeros(3200)]).astype(np.int16)
        file.attrs["sample_rate"] = 32000
    with h5py.File(tmp_path / "clips.hdf5", "w") as file:
        file["part/Yabc"] = SOUND.astype(np.float32)
        file["part/odd"] = np.arange(10, dtype=np.uint8)
    (tmp_path / "text.h5").write_text("no data at all\n" * 100)
    (tmp_path / "cut.h5").write_bytes((tmp_path / "rows.h5").read_bytes()[:4000])
    with h5py.File(tmp_path / "shapes.h5", "w") as file:
        for name, values in SHAPES.items():
            file[name] = values
        file["broken"] = h5py.SoftLink("/gone")
        file["null"] = h5py.Empty("f4")
    return tmp_path


@pytest.mark.parametrize("clip", ["rows.h5@32000:0", "clips.hdf5@32000:part/Yabc"])
def test_samples_and_segments(packed, clip):
    source = f"{packed}/{clip}"
    assert audio_duration(source) == 0.1
    samples = read_audio(source, 32000)
    np.testing.assert_allclose(samples, SOUND, atol=1 / 32768)
    np.testing.assert_array_equal(
        read_audio(source, 32000, start=0.02, end=0.05), samples[640:1600]
    )
    assert len(read_audio(source, 16000)) == 1600


@pytest.mark.parametrize("clip", ["wide", "tall"])
def test_channels_of_a_clip_are_averaged(packed, clip):
    source = f"{packed}/shapes.h5@32000:{clip}"
    assert audio_duration(source) == 0.1
    np.testing.assert_allclose(read_audio(source, 32000), 0.75 * SOUND, atol=1e-7)
    np.testing.assert_array_equal(read_audio(source, 32000, channel=1), STEREO[1])
    part = read_audio(source, 32000, start=0.02, end=0.05)
    np.testing.assert_allclose(part, 0.75 * SOUND[640:1600], atol=1e-7)


@pytest.mark.parametrize(("clip", "error"), [("one", 0), ("half", 3e-4)])
def test_other_shapes_and_types(packed, clip, error):
    found = read_audio(f"{packed}/shapes.h5@32000:{clip}", 32000)
    np.testing.assert_allclose(found, STEREO[0], atol=error)


def test_rows_of_different_lengths_and_with_channels(tmp_path):
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file["audio_name"] = np.array(["a.wav", "b.wav"], dtype="S20")
        rows = file.create_dataset("waveform", 2, h5py.vlen_dtype(np.int16))
        rows[0], rows[1] = (SOUND[:100] * 32767).astype(np.int16), [1, 2, 3]
    with h5py.File(tmp_path / "stereo.h5", "w") as file:
        file["audio_name"] = np.array(["a.wav"], dtype="S20")
        file["waveform"] = STEREO[None]
    np.testing.assert_allclose(
        read_audio(f"{tmp_path}/rows.h5@16000:0"), SOUND[:100], atol=1 / 16384
    )
    assert audio_duration(f"{tmp_path}/rows.h5@16000:1") == 3 / 16000
    np.testing.assert_allclose(read_audio(f"{tmp_path}/stereo.h5@16000:0"), 0.75 * SOUND, atol=1e-7)


def test_what_cannot_be_a_clip_is_passed_over_and_counted(packed, capsys):
    with h5py.File(packed / "mixed.h5", "w") as file:
        file["Yabc"] = SOUND
        file["group/Ydef"] = STEREO
        file["sample_rate"] = 32000
        file["labels"] = np.array([b"a", b"b"])
    assert list(packed_clips(f"{packed}/mixed.h5")) == [
        ("Yabc", "Yabc"),
        ("group/Ydef", "group/Ydef"),
    ]
    message = capsys.readouterr().err
    assert message == f"{packed}/mixed.h5: 2 datasets cannot be clips: 'labels', shape (2,), |S1\n"
    assert stated_rate(f"{packed}/mixed.h5") == 32000
    assert stated_rate(f"{packed}/rows.h5") == 32000
    assert stated_rate(f"{packed}/shapes.h5") is None
    assert [clip for _, clip in packed_clips(f"{packed}/rows.h5")] == ["0", "1"]


def test_a_forked_process_opens_the_file_anew(packed):
    source = f"{packed}/rows.h5@32000:0"
    read_audio(source)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        (samples,) = pool.map(read_audio, [source])
    np.testing.assert_array_equal(samples, read_audio(source))


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        ("rows.h5@32000:1", "silent"),
        ("rows.h5@32000:2", "it has 2 clips, numbered from 0"),
        ("clips.hdf5@32000:part/none", "no clip 'part/none'"),
        ("clips.hdf5@32000:part/odd", "unsupported sample type uint8"),
        ("none.h5@32000:0", "no such file: .*none.h5"),
        ("text.h5@32000:0", "not an HDF5 file, or a damaged one: .*text.h5"),
        ("cut.h5@32000:0", "truncated: .*cut.h5"),
        ("rows.h5@0:0", "impossible sample rate: 0 Hz"),
        ("rows.h5@1:0", "impossible sample rate: 1 Hz, but audio has 1000 to 2000000 Hz"),
        ("shapes.h5@32000:broken", r"^'broken' in .*shapes\.h5 is a link to a clip that does not"),
        ("shapes.h5@32000:null", "^a dataset without samples$"),
        ("clips.hdf5@32000:part", "'part' in .* is a group of datasets, not a clip"),
        ("shapes.h5@32000:scalar", r"a clip of shape \(\): expected \(samples,\), \(channels"),
        ("shapes.h5@32000:square", r"a clip of shape \(40, 50\)"),
        ("shapes.h5@32000:tiny", r"a clip of shape \(4, 5\)"),
        ("shapes.h5@32000:cube", r"a clip of shape \(2, 3, 3200\)"),
        ("shapes.h5@32000:empty", "empty: no audio"),
        ("shapes.h5@32000:hollow", "empty: no audio"),
        ("shapes.h5@32000:names", "unsupported sample type"),
        ("shapes.h5@32000:pairs", "unsupported sample type"),
        ("shapes.h5@32000:complex", "unsupported sample type complex64"),
    ],
)
def test_what_cannot_be_used(packed, clip, message):
    with pytest.raises(AudioError, match=message) as found:
        read_audio(f"{packed}/{clip}")
    assert "\n" not in str(found.value)


@pytest.fixture
def elsewhere(tmp_path):
    """A file whose items, or their values, lie in other files in every way that HDF5 knows."""
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["group/clip"] = SOUND
        file["audio_name"] = np.array([b"a.wav"])
    SOUND.tofile(tmp_path / "secret")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["clip"] = SOUND
        file["external"] = h5py.ExternalLink("secret.h5", "/group")
        file["once/soft"] = h5py.SoftLink("/external/clip")
        file["inside"] = h5py.SoftLink("once/../clip")
        file["once/within"] = h5py.SoftLink("/clip")
        file["circle"] = h5py.SoftLink("/circle")
        file.create_dataset("raw", SOUND.shape, "f8", external=[(tmp_path / "secret", 0, 25600)])
        layout = h5py.VirtualLayout(SOUND.shape, "f8")
        layout[:] = h5py.VirtualSource(tmp_path / "secret.h5", "/group/clip", SOUND.shape)
        file.create_virtual_dataset("virtual", layout)
    return tmp_path / "a.h5"


@pytest.mark.parametrize("clip", ["external/clip", "once/soft", "raw", "virtual"])
def test_audio_in_other_files_is_refused(elsewhere, clip):
    for read in (read_audio, audio_duration):
        with pytest.raises(AudioError, match=f"^'{clip}' in .*a.h5 .* in another file, which is"):
            read(f"{elsewhere}@16000:{clip}")
    with h5py.File(elsewhere) as file:  # the attack is real
        np.testing.assert_array_equal(file[clip][:], SOUND)


def test_links_within_a_file_are_followed(elsewhere):
    whole = read_audio(f"{elsewhere}@16000:clip")
    np.testing.assert_array_equal(read_audio(f"{elsewhere}@16000:once/within"), whole)
    for clip in ("circle", "inside"):  # HDF5 knows no ..
        with pytest.raises(AudioError, match=r"is a link to a clip that does not exist$"):
            read_audio(f"{elsewhere}@16000:{clip}")


def test_lists_in_other_files_and_names_that_would_be_commands_are_refused(tmp_path, elsewhere):
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["audio_name"] = h5py.ExternalLink("secret.h5", "/audio_name")
        file["sample_rate"] = h5py.ExternalLink("secret.h5", "/group/clip")
    for read in (lambda path: list(packed_clips(path)), stated_rate):
        with pytest.raises(AudioError, match="in another file, which is refused"):
            read(f"{tmp_path}/b.h5")
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["x; touch owned |"] = SOUND
        file["y"] = SOUND
    assert list(packed_clips(f"{tmp_path}/c.h5")) == [("y", "y")]


@pytest.mark.parametrize("name", ["cut.h5", "text.h5", "none.h5", "flipped.h5"])
def test_clips_of_a_damaged_file_are_refused_in_one_line(packed, name):
    content = bytearray((packed / "clips.hdf5").read_bytes())
    content[content.index(b"SNOD")] = 0xFF  # what HDF5 finds only when it looks for the clips
    (packed / "flipped.h5").write_bytes(content)
    with pytest.raises(AudioError, match=f"{name}(; copy or download it again)?$"):
        stated_rate(f"{packed}/{name}")
        list(packed_clips(f"{packed}/{name}"))


def test_a_name_that_is_not_text_is_passed_over(packed, capsys):
    with h5py.File(packed / "names.h5", "w") as file:
        file[b"\xff"] = SOUND
        file["a\nb"] = file["y"] = SOUND
    assert list(packed_clips(f"{packed}/names.h5")) == [("y", "y")]
    assert capsys.readouterr().err.count("\n") == 1


def test_samples_that_are_stated_but_not_stored_take_no_memory(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("clip", 2**40, "f4", chunks=(2**20,))
        file.create_dataset("quiet", 2**20, "f4", chunks=(2**20,))
    assert (tmp_path / "a.h5").stat().st_size < 10000
    with pytest.raises(AudioError, match=r"damaged: '/clip' in .* states 4,398,046,511,104 bytes"):
        read_audio(f"{tmp_path}/a.h5@16000:clip")
    with pytest.raises(AudioError, match="silent"):
        read_audio(f"{tmp_path}/a.h5@16000:quiet", end=1.0)


def test_without_h5py_it_says_what_to_install(packed, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    (packed / "other.h5").touch()
    with pytest.raises(AudioError, match="pip install h5py"):
        read_audio(f"{packed}/other.h5@32000:0")


def test_the_file_of_a_source(tmp_path):
    assert split_source("a/b.h5@32000:Y-x:3") == ("a/b.h5", "Y-x:3")
    assert split_source("a/b.ark:17") == ("a/b.ark", 17)
    assert split_source("sox a.wav |") == (None, None)
    (tmp_path / "a:1").touch()
    assert split_source(f"{tmp_path}/a:1") == (f"{tmp_path}/a:1", None)
