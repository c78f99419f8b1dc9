"""A run resumes, or counts as complete, only with the data and the model that it began with."""

import contextlib
import errno
import fcntl
import os
import shutil
import subprocess
import sys

import pytest
from training.runs import assert_same_weights, run_finetune, run_pretrain, stopped_before

from asda.corpus.datadir import DataDir, write_table
from asda.files import InputError

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_images")]


@pytest.fixture
def own(data, tmp_path):
    """A copy of the data that a test may change."""
    shutil.copytree(data, tmp_path / "data")
    return tmp_path / "data"


def edit(folder, name, change):
    table = DataDir(folder).table(name)
    write_table(folder / name, change(table))


def other_label(table):
    first, second = sorted(set(table.values()))
    clip = next(iter(table))
    return table | {clip: first if table[clip] == second else second}


def without_first(table):
    return dict(list(table.items())[1:])


def doubled(table):
    count, *sums = next(iter(table.values())).split()
    return table | {next(iter(table)): " ".join([count, *(str(2 * float(x)) for x in sums)])}


def as_of_kaldi(data, moved):
    """Put training data where it holds its own archive, and no record of moments."""
    data.rename(moved)
    edit(
        moved,
        "feats.scp",
        lambda table: {
            utterance: f"{moved}/feats.ark:{specifier.rpartition(':')[2]}"
            for utterance, specifier in table.items()
        },
    )
    (moved / "utt2moments").unlink(missing_ok=True)
    return moved


def test_changed_features_of_another_program_are_noticed(own, tmp_path):
    """Neither the size nor the time of the archive changes."""
    train = as_of_kaldi(own / "train", tmp_path / "train")
    with stopped_before(3):
        run_pretrain(own, tmp_path / "run", train=train)
    archive = train / "feats.ark"
    before, content = archive.stat(), bytearray(archive.read_bytes())
    content[-1] ^= 1
    archive.write_bytes(content)
    os.utime(archive, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(InputError, match=r"on other data \(archives of train changed since\)"):
        run_pretrain(own, tmp_path / "run", train=train)
    archive.unlink()
    with pytest.raises(InputError, match=r"feats.scp: no archive .*feats.ark; compute its feat"):
        run_pretrain(own, tmp_path / "run", train=train)


def test_features_of_another_program_may_move(own, tmp_path):
    train = as_of_kaldi(own / "train", tmp_path / "train")
    whole = run_pretrain(own, tmp_path / "whole", train=train)
    with stopped_before(3):
        run_pretrain(own, tmp_path / "run", train=train)
    moved = as_of_kaldi(train, tmp_path / "moved")
    again = {"train": moved, "training__accept_changes": True}
    assert_same_weights(whole, run_pretrain(own, tmp_path / "run", **again))


@pytest.mark.parametrize("stopped", [True, False])
@pytest.mark.parametrize(
    ("name", "change", "named"),
    [
        ("train/utt2label", other_label, "labels of train"),
        ("train/utt2spk", without_first, "clips of train"),
        ("train/utt2moments", doubled, "features of train"),
        ("valid/utt2label", other_label, "labels of valid"),
    ],
)
def test_changed_data_is_refused(own, tmp_path, stopped, name, change, named):
    exp = tmp_path / "run"
    with stopped_before(3) if stopped else contextlib.nullcontext():
        run_finetune(own, exp, valid=own / "valid")
    folder, table = name.split("/")
    edit(own / folder, table, change)
    with pytest.raises(InputError, match=f"{exp} holds a run on other data .*{named}.* changed"):
        run_finetune(own, exp, valid=own / "valid")


def test_labels_do_not_matter_to_pretraining(own, tmp_path):
    with stopped_before(3):
        run_pretrain(own, tmp_path / "run")
    edit(own / "train", "utt2label", other_label)
    assert run_pretrain(own, tmp_path / "run")["facts"]["updates"] == 8


def test_another_first_model_of_the_same_name_is_refused(data, tmp_path):
    run_pretrain(data, tmp_path / "first", training__updates=1)
    init = tmp_path / "first/model.pt"
    run_finetune(data, tmp_path / "run", init=init, training__updates=1)
    shutil.rmtree(tmp_path / "first")
    run_pretrain(data, tmp_path / "first", training__updates=2)
    with pytest.raises(InputError, match=r"on other data \(init changed since\)"):
        run_finetune(data, tmp_path / "run", init=init, training__updates=1)


def test_a_finished_run_stays_complete_without_its_data(own, tmp_path):
    run_pretrain(own, tmp_path / "run", training__updates=1)
    shutil.rmtree(own / "train")
    run_pretrain(own, tmp_path / "run", training__updates=1)


def test_the_data_may_move(own, tmp_path):
    with stopped_before(3):
        run_pretrain(own, tmp_path / "run")
    (own / "train").rename(own / "moved")
    (own / "train").symlink_to(own / "moved")
    assert run_pretrain(own, tmp_path / "run")["facts"]["updates"] == 8


def test_the_same_data_in_another_place_is_accepted_if_asked_for(own, tmp_path):
    whole = run_pretrain(own, tmp_path / "whole")
    with stopped_before(3):
        run_pretrain(own, tmp_path / "run")
    (own / "train").rename(own / "moved")
    moved = {"train": own / "moved", "training__accept_changes": True}
    changed = shutil.copytree(own / "moved", own / "changed")
    edit(changed, "utt2moments", doubled)
    with pytest.raises(InputError, match=r"on other data \(features of train changed"):
        run_pretrain(own, tmp_path / "run", **moved | {"train": changed})
    assert_same_weights(whole, run_pretrain(own, tmp_path / "run", **moved))


@pytest.mark.parametrize("text", ["num_mel_bin: 16\n", "frame_shift_ms: .inf\n", "window:\n"])
@pytest.mark.parametrize("raw", [True, False])
def test_a_wrong_feature_configuration_is_refused_before_the_first_update(own, tmp_path, raw, text):
    fbank = (tmp_path if raw else own / "train") / "fbank.yaml"
    fbank.write_text(text)
    with pytest.raises(InputError, match=f"^{fbank}: "):
        run_pretrain(own, tmp_path / "run", **({"fbank": fbank} if raw else {}))
    assert not (tmp_path / "run").exists()


def test_files_that_a_killed_run_did_not_finish_are_removed(data, tmp_path):
    for unfinished in (tmp_path / "run/.checkpoint.pt.x1", tmp_path / "run/snapshots/.u.pt.x2"):
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text("half")
    run_pretrain(data, tmp_path / "run", training__updates=1)
    assert not list((tmp_path / "run").rglob(".*.pt.*"))


def test_a_folder_that_another_process_trains_in_is_refused(data, tmp_path):
    exp = tmp_path / "run"
    exp.mkdir()
    hold = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.lockf(f, fcntl.LOCK_EX)"
    command = [sys.executable, "-c", f"{hold}; print(flush=True); input()", str(exp / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(InputError, match=f"{exp}: another process trains in this folder"):
            run_pretrain(data, exp)
        other.communicate(b"\n")
    assert run_pretrain(data, exp)["facts"]["updates"] == 8


def test_a_refused_run_leaves_its_folder_to_others(own, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "lockf", refuse)  # a second file shows who holds the folder
    exp = tmp_path / "run"
    run_pretrain(own, exp, training__updates=1)
    with pytest.raises(InputError, match="another configuration") as other_settings:
        run_pretrain(own, exp, training__updates=2)
    assert not (exp / ".lock.held").exists(), other_settings
    edit(own / "train", "utt2moments", doubled)
    with pytest.raises(InputError, match="other data") as other_data:
        run_pretrain(own, exp, training__updates=1)
    assert not (exp / ".lock.held").exists(), other_data
