"""Digests of the data of a run."""

from dataset.directories import two_sounds, with_features

from asda.configuration import save, to_dict
from asda.dataset.feature_sources import FeatureInput
from asda.dataset.fingerprint import fingerprint
from asda.digests import value_digest
from asda.features.fbank_config import FbankConfig


def test_settings_that_were_added_change_no_digest_unless_they_are_set(tmp_path):
    """Runs that were begun before there were these settings resume."""
    directory = with_features(tmp_path / "data", two_sounds(2, seed=0))

    def digest(**settings):
        save(FbankConfig(**settings), tmp_path / "fbank.yaml")
        features = FeatureInput(fbank=str(tmp_path / "fbank.yaml"))
        return fingerprint(str(directory), features, truth=())["features"]

    before = to_dict(FbankConfig())
    for added in ("keep_silent", "snip_edges"):
        del before[added]
    assert digest() == value_digest(before)
    assert len({digest(), digest(keep_silent=True), digest(snip_edges=False)}) == 3
