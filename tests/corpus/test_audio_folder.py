import pytest

from asda.corpus.audio_folder import is_audio_name, is_clutter, visible_files


@pytest.mark.parametrize(
    ("name", "audio", "clutter"),
    [
        ("a.WAV", True, False),
        ("a.b.Opus", True, False),
        ("notes.txt", False, False),
        ("wav", False, False),
        ("._a.wav", True, True),
        (".DS_Store", False, True),
        ("Thumbs.db", False, True),
        (".a.wav", True, False),  # hidden by its owner, but audio
    ],
)
def test_names(name, audio, clutter):
    assert (is_audio_name(name), is_clutter(name)) == (audio, clutter)


def test_files_come_in_order_of_their_names(tmp_path):
    for name in ("b/2.wav", "b/10.wav", "a.wav", "c/d/e.txt", ".hidden/f.wav", "b/._2.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [path.removeprefix(f"{tmp_path}/") for path in visible_files(str(tmp_path))]
    assert found == ["a.wav", "b/10.wav", "b/2.wav", "c/d/e.txt"]
