"""Batches: padding, the place in the list that a run resumes at, and what loaders give."""

import errno
import gc
import itertools
import os
import signal
import time
from collections import Counter

import numpy as np
import pytest
import torch
from dataset.directories import MEL, random_features, with_audio, with_features

from asda.configuration import save
from asda.corpus.datadir import DataDir
from asda.dataset.clips import Clip, open_clips
from asda.dataset.collate import Collate
from asda.dataset.data_config import AugmentConfig, DataConfig
from asda.dataset.feature_sources import DumpedFeatures, FeatureInput
from asda.dataset.loaders import scoring_loader, training_loader
from asda.dataset.sampling import TrainingBatches
from asda.dataset.targets import MultiHot
from asda.features.archive_writer import write_matrix
from asda.features.fbank_config import FbankConfig
from asda.features.matrix import Values
from asda.features.view import FeatureView
from asda.files import InputError

LENGTHS = [20 + 3 * (7 * n % 13) for n in range(13)]


class Draws:
    """A target of numbers drawn at random, as many as a tenth of the frames."""

    name = "draws"

    def of(self, utterance, num_frames, rng):
        return rng.integers(0, num_frames, num_frames // 10)

    def pad(self, rows):
        widest = max(map(len, rows))
        return torch.tensor([[*row, *[-1] * (widest - len(row))] for row in rows])


def clip(name, frames, **extras):
    features = FeatureView(Values(np.full((frames, 4), frames, np.float32)), 0, frames)
    return Clip(name, features, extras)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return with_features(tmp_path_factory.mktemp("batches") / "data", random_features(LENGTHS))


def clips_of(folder, **config):
    defaults = {"max_frames": 50, "batch_size": 3, "workers": 0}
    return open_clips(
        str(folder),
        FeatureInput(),
        DataConfig(**(defaults | config)),
        augment=AugmentConfig(roll=True, noise=True),
        targets=[MultiHot(DataDir(folder), ["a", "b"]), Draws()],
        seed=5,
    )


def take(loader, count):
    return list(itertools.islice(loader, count))


def assert_same(first, second):
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert one.utterances == other.utterances
        assert torch.equal(one.features, other.features)
        assert (one.num_frames is None) == (other.num_frames is None)
        assert one.num_frames is None or torch.equal(one.num_frames, other.num_frames)
        assert one.extras.keys() == other.extras.keys()
        for name, tensor in one.extras.items():
            assert torch.equal(tensor, other.extras[name])


def test_shorter_clips_are_padded_with_zeros_at_the_end():
    batch = Collate()([clip("a", 3), clip("b", 5)])
    assert batch.utterances == ["a", "b"]
    assert batch.features.shape == (2, 5, 4)
    assert (batch.features[0, :3] == 3).all() and (batch.features[0, 3:] == 0).all()
    assert (batch.features[1] == 5).all()
    assert batch.num_frames.tolist() == [3, 5]
    assert batch.num_frames.dtype == torch.int64


def test_clips_of_equal_length_need_no_lengths():
    assert Collate()([clip("a", 4), clip("b", 4)]).num_frames is None


def test_each_target_pads_its_own_extra():
    draws = [np.array([5, 2, 0]), np.array([1])]
    clips = [clip("a", 6, draws=draws[0], other=draws[1]), clip("b", 2, draws=draws[1])]
    batch = Collate([Draws()])(clips)
    assert batch.extras.keys() == {"draws"}
    assert batch.extras["draws"].tolist() == [[5, 2, 0], [1, -1, -1]]
    assert Collate()([clip("a", 3)]).extras == {}


def test_features_can_be_placed_in_given_memory():
    memory = torch.full((100,), np.nan)
    batch = Collate()([clip("a", 3), clip("b", 5)], memory)
    assert batch.features.data_ptr() == memory.data_ptr()
    assert torch.equal(memory[:40].view(2, 5, 4), Collate()([clip("a", 3), clip("b", 5)]).features)
    assert memory[40:].isnan().all()


def test_a_moved_batch_is_the_same():
    batch = Collate([Draws()])([clip("a", 3, draws=[1]), clip("b", 5, draws=[2])])
    assert_same([batch], [batch.to(torch.device("cpu"))])
    moved = batch.to(torch.device("meta"))
    assert moved.features.device.type == moved.extras["draws"].device.type == "meta"


@pytest.mark.parametrize("start", [1, 4, 9])
def test_a_later_start_gives_the_rest_of_the_batches(folder, start):
    """Four batches an epoch: the starts lie within the first, at the second, in the third."""
    whole = take(training_loader(clips_of(folder), 1, 0, 1, 0), 12)
    rest = take(training_loader(clips_of(folder), 1, 0, 1, start), 12 - start)
    assert_same(rest, whole[start:])
    assert len({batch.features.sum().item() for batch in whole}) == 12


@pytest.mark.parametrize("workers", [1, 2])
def test_worker_processes_give_the_same_batches(folder, workers):
    """Batches are kept, so that a worker's memory is used again meanwhile."""
    alone = take(training_loader(clips_of(folder), 1, 0, 1, 2), 14)
    helped = take(training_loader(clips_of(folder, workers=workers), 1, 0, 1, 2), 14)
    assert_same(helped, alone)


def test_two_loops_over_a_loader_with_workers_do_not_meet(folder):
    alone = take(training_loader(clips_of(folder), 1, 0, 1, 0), 6)
    loader = training_loader(clips_of(folder, workers=1), 1, 0, 1, 0)
    pairs = take(zip(loader, loader, strict=True), 6)
    for helped in zip(*pairs, strict=True):
        assert_same(list(helped), alone)


def test_a_worker_that_is_ahead_waits_for_its_batches_to_be_copied(folder):
    alone = take(training_loader(clips_of(folder), 1, 0, 1, 0), 8)
    helped = []
    for batch in training_loader(clips_of(folder, workers=1), 1, 0, 1, 0):
        time.sleep(0.05)  # for the worker to do what it may
        helped.append(batch)
        if len(helped) == len(alone):
            break
    assert_same(helped, alone)


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_for_a_gpu_are_pinned_before_their_slot_is_reused(folder, monkeypatch, workers):
    pinned = []
    monkeypatch.setattr(
        torch.Tensor, "pin_memory", lambda t: pinned.append(t.clone()) or pinned[-1]
    )
    alone = take(training_loader(clips_of(folder), 1, 0, 1, 0), 8)
    loader = training_loader(clips_of(folder, workers=workers), 1, 0, 1, 0)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    found = take(loader, 8)
    assert_same(found, alone)
    addresses = {tensor.data_ptr() for tensor in pinned}
    for batch in found:
        assert {t.data_ptr() for t in (batch.features, *batch.extras.values())} <= addresses


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("start", [0, 5])
def test_a_buffer_is_read_ahead_of_its_batches(folder, monkeypatch, workers, start):
    told, read, batches = Counter(), Counter(), []
    monkeypatch.setattr(DumpedFeatures, "read_ahead", lambda _, names: told.update(names))
    config = {"shuffle_buffer_size": 6, "shuffle_block": 3, "workers": workers}
    clips = clips_of(folder, **config)
    for batch in itertools.islice(training_loader(clips, 1, 0, 1, start), 9):
        read.update(batch.utterances)
        assert told >= read  # each as often as it was drawn
        batches.append(batch)
    order = TrainingBatches(clips.lengths, 3, 1, disk_order=np.arange(13), buffer=6, block=3)
    expected = itertools.islice(order, start, start + 9)
    for batch, keys in zip(batches, expected, strict=True):
        assert batch.utterances == [clips.utterances[index] for _, index in keys]
    whole = take(training_loader(clips, 1, 0, 1, 0), start + 9)[start:]
    assert_same(batches, whole)


def test_a_buffer_needs_a_dump(tmp_path):
    save(FbankConfig(num_mel_bins=MEL), tmp_path / "fbank.yaml")
    data = with_audio(tmp_path / "data", {"a": 0.5, "b": 0.5})
    config = DataConfig(shuffle_buffer_size=128, workers=0)
    clips = open_clips(str(data), FeatureInput(fbank=str(tmp_path / "fbank.yaml")), config)
    with pytest.raises(InputError, match=r"data\.shuffle_buffer_size is for dumped features"):
        training_loader(clips, 1, 0, 1, 0)


def test_processes_share_an_update(folder):
    parts = [take(training_loader(clips_of(folder), 1, rank, 2, 0), 2) for rank in range(2)]
    for epoch in zip(*parts, strict=True):
        names = [name for batch in epoch for name in batch.utterances]
        assert len(set(names)) == 6
    # what a clip looks like does not depend on the process that reads it
    alone = {}
    for batch in take(training_loader(clips_of(folder), 1, 0, 1, 0), 4):
        for row, name in enumerate(batch.utterances):
            alone[name] = batch.features[row]
    for batch in (batch for part in parts for batch in part):
        for row, name in enumerate(batch.utterances):
            frames = min(len(alone.get(name, [])), batch.features.shape[1])
            if name in alone:
                assert torch.equal(batch.features[row, :frames], alone[name][:frames])


def test_grouped_batches_hold_less_padding(tmp_path):
    lengths = np.random.default_rng(0).integers(10, 50, 60).tolist()
    folder = with_features(tmp_path / "data", random_features(lengths))
    padding = {}
    for grouped in (True, False):
        clips = clips_of(folder, group_by_length=grouped, min_frames=10)
        batches = take(training_loader(clips, 1, 0, 1, 0), 20)
        padding[grouped] = sum(
            batch.features.shape[0] * batch.features.shape[1] - int(batch.num_frames.sum())
            for batch in batches
            if batch.num_frames is not None
        )
    assert padding[True] < padding[False] / 5


def test_filled_batches_are_all_as_long_as_allowed(folder):
    loader = training_loader(clips_of(folder, padding="fill", max_frames=64), 1, 0, 1, 0)
    for batch in take(loader, 4):
        assert batch.features.shape == (3, 64, MEL)
        assert batch.num_frames is None


def test_weighted_epochs_draw_by_utt2weight(tmp_path):
    folder = with_features(tmp_path / "data", random_features([20] * 8))
    weights = "".join(f"utt{row:02d} {0 if row < 4 else 1}\n" for row in range(8))
    (folder / "utt2weight").write_text(weights)
    config = {"sampling": "weighted", "draws_per_epoch": 3, "batch_size": 3}
    batches = take(training_loader(clips_of(folder, **config), 1, 0, 1, 0), 20)
    assert all(len(set(batch.utterances)) == 3 for batch in batches)
    drawn = {name for batch in batches for name in batch.utterances}
    assert drawn == {"utt04", "utt05", "utt06", "utt07"}
    uniform = take(training_loader(clips_of(folder, batch_size=2), 1, 0, 1, 0), 4)
    assert len({name for batch in uniform for name in batch.utterances}) == 8


@pytest.mark.parametrize("world_size", [1, 3])
def test_scoring_gives_every_clip_once(folder, world_size):
    clips = clips_of(folder)
    clips.augment = None
    names = []
    for rank in range(world_size):
        for batch in scoring_loader(clips, rank, world_size):
            names += batch.utterances
            for row, name in enumerate(batch.utterances):
                expected = clips[0, clips.utterances.index(name)].features.read()
                found = batch.features[row, : len(expected)].numpy()
                np.testing.assert_array_equal(found, expected)
    assert sorted(names) == clips.utterances


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_archive_is_said_in_one_line(tmp_path, monkeypatch, workers):
    # PyTorch waits so many seconds for a worker that has failed, when its loader is collected
    monkeypatch.setattr("torch.utils.data._utils.MP_STATUS_CHECK_INTERVAL", 0.1)
    folder = with_features(tmp_path / "data", random_features([20] * 4))
    archive = folder / "feats.ark"
    clips = clips_of(folder, workers=workers, batch_size=4)
    archive.write_bytes(archive.read_bytes()[:-700])
    error = error_of(training_loader(clips, 1, 0, 1, 0))
    gc.collect()
    assert error.startswith(f"features of 'utt03': {archive}:")
    assert "does not fit into the file" in error and "\n" not in error


def test_a_value_that_is_not_finite_is_blamed_on_its_utterance(tmp_path):
    features = random_features([20] * 4)
    folder = with_features(tmp_path / "data", features)
    for value in ("nan", "inf", "-inf"):
        features["utt02"][7, 3] = value
        with open(folder / "feats.ark", "wb") as stream:
            for name, matrix in features.items():
                write_matrix(stream, name, matrix, "none")
        error = error_of(training_loader(clips_of(folder, workers=0, batch_size=4), 1, 0, 1, 0))
        assert error.startswith(f"features of 'utt02': {folder}/feats.ark:")
        assert "values that are not finite (NaN or infinite)" in error


def test_features_of_other_widths_are_not_put_into_one_batch():
    clips = [Clip(f"u{n}", FeatureView(Values(np.ones((5, n), np.float32)), 0, 5)) for n in (16, 8)]
    with pytest.raises(InputError, match="'u8' has 8 mel bins, but 'u16' of the same batch has 16"):
        Collate()(clips)


def error_of(loader):
    try:
        next(iter(loader))
    except InputError as error:
        return str(error)


def test_a_worker_that_is_killed_is_said_in_one_line(folder, monkeypatch):
    parent = os.getpid()

    def ended(self, samples, memory):
        assert os.getpid() != parent
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(Collate, "__call__", ended)
    error = error_of(training_loader(clips_of(folder, workers=1), 1, 0, 1, 0))
    assert error.startswith("a worker that prepares batches was killed, as happens if there is too")


def test_a_fault_of_the_machine_in_a_worker_is_said_in_one_line(folder, monkeypatch):
    def failing(self, samples, memory):
        raise OSError(errno.EMFILE, "Too many open files", "feats.ark")

    monkeypatch.setattr(Collate, "__call__", failing)
    error = error_of(training_loader(clips_of(folder, workers=1), 1, 0, 1, 0))
    assert error == "[Errno 24] Too many open files: 'feats.ark'"


def test_batches_that_shared_memory_cannot_hold_are_refused(folder):
    loader = training_loader(clips_of(folder, workers=1, batch_size=10**9), 1, 0, 1, 0)
    with pytest.raises(InputError, match=r"MiB free, but .* lower data\.workers"):
        take(loader, 1)
