"""egs/mini/local/synthesize.py: the same corpus every time, which mean spectra do not give away."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torchaudio.compliance.kaldi import fbank

pytestmark = pytest.mark.slow


def synthesize(repository, folder, *options):
    script = repository / "egs/mini/local/synthesize.py"
    subprocess.run([sys.executable, script, folder, *options], check=True, capture_output=True)


@pytest.fixture(scope="module")
def corpus(repository, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mini")
    synthesize(repository, folder, "--train", "300", "--valid", "10", "--test", "100")
    return folder


def test_clips_are_as_stated(corpus):
    names = sorted(path.stem for path in corpus.glob("*/*.wav"))
    assert len(names) == len(set(names)) == 410
    assert len({name.split("-")[0] for name in names}) == 10
    levels = []
    for path in (corpus / "test").glob("*.wav"):
        samples, rate = soundfile.read(path)
        assert rate == 16000
        assert rate <= len(samples) <= 2 * rate
        levels.append(20 * np.log10(np.abs(samples).max()))
    assert min(levels) > -26
    assert max(levels) < 0
    assert np.ptp(levels) > 15


def test_a_seed_gives_the_same_files(repository, corpus, tmp_path):
    synthesize(repository, tmp_path / "again", "--train", "20", "--valid", "0", "--test", "0")
    again = list((tmp_path / "again/train").iterdir())
    assert len(again) == 20
    for path in again:
        assert path.read_bytes() == (corpus / "train" / path.name).read_bytes()
    synthesize(
        repository,
        tmp_path / "other",
        "--seed",
        "2",
        "--train",
        "10",
        "--valid",
        "0",
        "--test",
        "0",
    )
    other = next((tmp_path / "other/train").iterdir())
    assert other.read_bytes() != (corpus / "train" / other.name).read_bytes()


@pytest.mark.parametrize(
    "classifier",
    [
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        RandomForestClassifier(200, random_state=0),
    ],
)
def test_mean_spectra_do_not_tell_the_kinds_apart(corpus, classifier):
    classifier.fit(*mean_spectra(corpus / "train"))
    assert classifier.score(*mean_spectra(corpus / "test")) < 0.5


def mean_spectra(folder):
    spectra, kinds = [], []
    for path in sorted(folder.iterdir()):
        samples, _ = soundfile.read(path, dtype="float32")
        features = fbank(torch.from_numpy(samples)[None], num_mel_bins=128, window_type="hanning")
        spectra.append(features.mean(0).numpy())
        kinds.append(path.stem.split("-")[0])
    return np.array(spectra), kinds
