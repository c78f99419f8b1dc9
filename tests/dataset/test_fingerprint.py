"""Digests of the data of a run."""

from dataset.directories import with_audio

from asda.configuration import save, to_dict
from asda.corpus.datadir import write_table
from asda.dataset.feature_sources import FeatureInput
from asda.dataset.fingerprint import fingerprint
from asda.digests import value_digest
from asda.features.fbank_config import FbankConfig


def test_settings_that_were_added_change_no_digest_unless_they_are_set(tmp_path):
    """Runs that were begun before there were these settings resume."""
    directory = with_audio(tmp_path / "data", {"a": 0.1})

    def digest(**settings):
        save(FbankConfig(**settings), tmp_path / "fbank.yaml")
        features = FeatureInput(fbank=str(tmp_path / "fbank.yaml"))
        return fingerprint(str(directory), features, truth=())["features"]

    before = to_dict(FbankConfig())
    for added in ("keep_silent", "snip_edges"):
        del before[added]
    assert digest() == value_digest(before)
    assert len({digest(), digest(keep_silent=True), digest(snip_edges=False)}) == 3


def test_audio_that_was_changed_or_cut_elsewhere_has_another_digest(tmp_path):
    save(FbankConfig(), tmp_path / "fbank.yaml")
    features = FeatureInput(fbank=str(tmp_path / "fbank.yaml"))

    def digest(folder):
        return fingerprint(str(folder), features, truth=())["audio"]

    data = with_audio(tmp_path / "data", {"a": 0.5, "b": 0.5})
    found = {digest(data)}
    assert digest(with_audio(tmp_path / "moved", {"a": 0.5, "b": 0.5})) in found
    sound = bytearray((data / "a.wav").read_bytes())
    sound[-1] ^= 1
    (data / "a.wav").write_bytes(sound)
    found.add(digest(data))
    for end in ("0.4", "0.3"):
        write_table(data / "segments", {"a": f"a 0.1 {end}", "b": "b 0.1 0.4"})
        found.add(digest(data))
    write_table(data / "wav.scp", {"a": "sox -v 2 /x/a.wav -t wav - |", "b": str(data / "b.wav")})
    found.add(digest(data))
    write_table(data / "wav.scp", {"a": "sox -v 3 /x/a.wav -t wav - |", "b": str(data / "b.wav")})
    found.add(digest(data))
    write_table(data / "wav.scp", {"a": "sox -v 3 /y/a.wav -t wav - |", "b": str(data / "b.wav")})
    assert digest(data) in found
    assert len(found) == 6
