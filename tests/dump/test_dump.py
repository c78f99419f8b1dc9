"""Dumps: what is computed when, kept, refused, and what a kill, bad audio or damage leave."""

import errno
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml

from asda.audio.waveform import read_audio
from asda.cli import main
from asda.configuration import load, save
from asda.corpus.datadir import read_table, write_table
from asda.dump.check import check
from asda.dump.compute import compute_part
from asda.dump.finish import finish
from asda.dump.folder import DumpItem
from asda.dump.plan import plan
from asda.features.archive import ArchiveReader
from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig
from asda.features.moments import Moments, read_moments
from asda.files import InputError

pytestmark = pytest.mark.slow


def make_data(folder: Path, names: list[str], seconds: float = 0.3) -> Path:
    folder.mkdir(parents=True)
    for seed, name in enumerate(names):
        samples = np.random.default_rng(seed).normal(0, 0.1, round(seconds * 16000) + 50 * seed)
        soundfile.write(folder / f"{name}.wav", samples, 16000)
    write_table(folder / "wav.scp", {name: str(folder / f"{name}.wav") for name in names})
    write_table(folder / "utt2spk", {name: name for name in names})
    return folder


def dump(
    folder: Path, *data: Path, config=None, compression="3", nj=2, max_bad=0.05, mb=256
) -> int:
    """Do in one process what utils/dump_fbank.sh does; return the number of jobs."""
    jobs = plan(folder, list(data), config, compression, nj)
    for job in range(1, jobs + 1):
        compute_part(folder, job, mb * 1e6)
    finish(folder, max_bad)
    return jobs


def features(folder: Path) -> dict[str, np.ndarray]:
    reader = ArchiveReader()
    return {
        key: reader.read(specifier) for key, specifier in read_table(folder / "feats.scp").items()
    }


def archives(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (folder / "archives").iterdir()}


def shell(repository: Path, *words) -> subprocess.CompletedProcess:
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"])
    return subprocess.run(
        [str(word) for word in words],
        cwd=repository,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )


def test_scripts_from_data_to_features(tmp_path, repository):
    data = make_data(tmp_path / "data", [f"utt{n:02d}" for n in range(12)])
    save(FbankConfig(num_mel_bins=64), tmp_path / "conf.yaml")
    folder = tmp_path / "a dump"
    call = ["utils/dump_fbank.sh", "--nj", 3, "--fbank-config", tmp_path / "conf.yaml"]
    ran = shell(repository, *call, "--compression=none", folder, data)
    assert ran.returncode == 0, ran.stderr
    assert "kept 12 of 12 utterances" in ran.stdout
    assert "MB needed" in ran.stderr

    fbank = Fbank(FbankConfig(num_mel_bins=64))
    found = features(folder)
    frames, moments = read_table(folder / "utt2num_frames"), read_moments(folder / "utt2moments")
    for name, source in read_table(data / "wav.scp").items():
        expected = fbank(torch.from_numpy(read_audio(source))).numpy()
        np.testing.assert_array_equal(found[name], expected)
        assert int(frames[name]) == len(expected)
        assert moments[name] == Moments.of(expected)
    assert len(list((folder / "archives").glob("*.ark"))) == 3
    assert yaml.safe_load((folder / "fbank.yaml").read_text())["num_mel_bins"] == 64
    assert load(FbankConfig, folder / "fbank.yaml") == FbankConfig(num_mel_bins=64)

    ran = shell(repository, "utils/check_dump.sh", folder)
    assert ran.returncode == 0, ran.stderr
    total = np.concatenate(list(found.values())).astype(np.float64)
    assert f"mean {total.mean():.6g}, standard deviation {total.std():.6g}" in ran.stdout

    before = archives(folder)
    ran = shell(repository, *call, "--compression=none", folder, data)
    assert ran.returncode == 0, ran.stderr
    assert "0 of 12 utterances to compute" in ran.stderr
    assert archives(folder) == before


@pytest.mark.parametrize("name", ["JOB_4711", "cost$5 *  q'\"u\\o", "50%j[1]"])
def test_a_folder_may_have_any_name(tmp_path, repository, name):
    data = make_data(tmp_path / name / "data", ["a", "b"])
    folder = tmp_path / name / "dump JOB"
    ran = shell(repository, "utils/dump_fbank.sh", "--nj", 2, folder, data)
    assert ran.returncode == 0, ran.stderr
    assert {key: len(matrix) for key, matrix in features(folder).items()} == {"a": 28, "b": 28}
    assert sorted(path.name for path in (folder / "log").iterdir()) == [
        "dump.1.log",
        "dump.2.log",
    ]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_line_break_in_the_name_of_a_dump_is_refused(tmp_path):
    data = make_data(tmp_path / "data", ["a"])
    with pytest.raises(InputError, match=r"feats\.scp cannot hold a path with a line break"):
        plan(tmp_path / "two\nlines", [data], None, "3", 1)


def test_only_one_dump_at_a_time(tmp_path, repository):
    data = make_data(tmp_path / "data", ["a"])
    (tmp_path / "dump").mkdir()
    with open(tmp_path / "dump/.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = ["utils/dump_fbank.sh", tmp_path / "dump", data]
        second = subprocess.Popen(command, cwd=repository, stderr=subprocess.PIPE, text=True)
        said = second.stderr.readline()
        assert said == f"{tmp_path}/dump: another dump writes to this folder; waiting for its end\n"
        assert not (tmp_path / "dump/archives").exists()
    second.communicate(timeout=60)
    assert second.returncode == 0


def test_a_folder_that_cannot_be_written_to_is_said_with_what_to_do(repository, tmp_path):
    (tmp_path / "file").touch()
    data = make_data(tmp_path / "data", ["a"])
    ran = shell(repository, "utils/dump_fbank.sh", tmp_path / "file/dump", data)
    assert ran.returncode == 1
    assert f"cannot write to '{tmp_path}/file/dump'; choose another folder" in ran.stderr


def test_more_data_adds_to_a_dump(tmp_path):
    first = make_data(tmp_path / "first", ["a", "b"])
    second = make_data(tmp_path / "second", ["c"])
    folder = tmp_path / "dump"
    assert dump(folder, first) == 2
    before = archives(folder)
    assert dump(folder, first, second) == 1
    assert dump(folder, second) == 0
    assert before.items() <= archives(folder).items()
    assert list(features(folder)) == ["a", "b", "c"]
    check(folder)


def test_changed_audio_is_computed_again(tmp_path, capsys):
    data, folder = make_data(tmp_path / "data", ["a", "b", "c"]), tmp_path / "dump"
    dump(folder, data, nj=3)
    before, archived = features(folder), archives(folder)
    soundfile.write(data / "b.wav", np.random.default_rng(9).normal(0, 0.1, 8000), 16000)
    capsys.readouterr()
    assert dump(folder, data, nj=3) == 1
    replaced = "1 of 3 utterances to compute; 1 since their audio, or the path or time of its"
    assert replaced in capsys.readouterr().err
    after = features(folder)
    assert len(after["b"]) == 48
    np.testing.assert_array_equal(before["a"], after["a"])
    assert len(archives(folder)) == len(archived)  # b's old archive holds nothing of use
    assert len(archived.items() & archives(folder).items()) == 4

    write_table(data / "segments", {"a": "a 0 0.2", "b": "b 0.1 -1", "c": "c 0.05 0.25"})
    assert dump(folder, data, nj=8) == 3
    lengths = {name: len(matrix) for name, matrix in features(folder).items()}
    assert lengths == {"a": 18, "b": 38, "c": 18}
    check(folder)


def test_another_configuration_is_refused_and_nothing_mixed(tmp_path):
    data, folder = make_data(tmp_path / "data", ["a"]), tmp_path / "dump"
    dump(folder, data)
    before = archives(folder)
    save(FbankConfig(num_mel_bins=40, low_freq=50), tmp_path / "other.yaml")
    with pytest.raises(
        InputError, match=r"num_mel_bins 128, not 40; low_freq 20\.0, not 50\.0: choose"
    ):
        dump(folder, data, config=tmp_path / "other.yaml")
    with pytest.raises(InputError, match="compression 3, not 5"):
        dump(folder, data, compression="5")
    assert archives(folder) == before
    check(folder)
    shutil.rmtree(folder / "archives")  # where there are no features there is nothing to mix
    dump(folder, data, config=tmp_path / "other.yaml", compression="5")
    assert features(folder)["a"].shape[1] == 40


def test_a_full_disk_is_not_blamed_on_the_utterance_that_was_read(tmp_path, monkeypatch, capsys):
    data, folder = make_data(tmp_path / "data", ["a", "b"]), tmp_path / "dump"
    plan(folder, [data], None, "3", 1)

    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr("asda.dump.compute.write_matrix", refuse)
        with pytest.raises(SystemExit):
            main(["dump", "part", str(folder), "1"])
    said = capsys.readouterr().err
    assert re.search(
        r"asda dump: error: .*feats_\w+\.ark\.partial: No space left on device; f", said
    )
    assert dump(folder, data, nj=1) == 1
    assert "was stopped while it read" not in capsys.readouterr().err
    assert features(folder).keys() == {"a", "b"}


def test_killed_job_goes_on_and_gives_the_same(tmp_path, capsys):
    data = make_data(tmp_path / "data", [f"utt{n:03d}" for n in range(300)])
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    dump(whole, data, nj=1)
    plan(killed, [data], None, "3", 1)
    job = subprocess.Popen(
        [sys.executable, "-m", "asda", "dump", "part", "--archive-mb", "0.05", killed, "1"],
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    while len(list(killed.glob("archives/*.table"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.001)
    job.send_signal(signal.SIGKILL)
    assert job.wait() == -signal.SIGKILL
    stopped_at = (killed / "jobs/reading.1").read_text().splitlines()[0]
    assert re.fullmatch(r"utt\d\d\d", stopped_at)
    kept = {name: at for name, at in archives(killed).items() if name.endswith(".table")}
    assert len(kept) >= 3
    (killed / "archives/feats_0.ark").write_bytes(b"an archive without a table")
    (killed / "archives/feats_1.ark.partial").write_bytes(b"half an archive")
    with pytest.raises(InputError, match=r"utterances are not computed \('utt\d+' is the first\)"):
        finish(killed, 0.05)
    assert not (killed / "feats.scp").exists()

    capsys.readouterr()
    assert dump(killed, data, nj=1, mb=0.05) == 1
    assert f"the last call was killed while it read {stopped_at}; if" in capsys.readouterr().err
    assert kept.items() <= archives(killed).items()
    assert not (killed / "archives/feats_0.ark").exists()
    assert not list(killed.glob("archives/*.partial"))
    expected = features(whole)
    for name, matrix in features(killed).items():
        np.testing.assert_array_equal(matrix, expected.pop(name))
    assert not expected
    assert (killed / "utt2moments").read_text() == (whole / "utt2moments").read_text()


def test_lost_or_shortened_archives_are_made_again(tmp_path):
    data, folder = make_data(tmp_path / "data", ["a", "b", "c"]), tmp_path / "dump"
    dump(folder, data, nj=3)
    lost, shortened, _ = sorted((folder / "archives").glob("*.ark"))
    lost.unlink()
    os.truncate(shortened, 100)
    assert dump(folder, data, nj=3) == 2
    check(folder)


def test_bad_utterances_are_listed_with_reasons(tmp_path):
    data, folder = make_data(tmp_path / "data", list("abcdefgh")), tmp_path / "dump"
    soundfile.write(data / "b.wav", np.zeros(8000), 16000)
    soundfile.write(data / "d.wav", np.random.default_rng(0).normal(0, 0.1, 300), 16000)
    (data / "f.wav").unlink()
    soundfile.write(data / "h.wav", np.full(8000, 1e30) * (-1) ** np.arange(8000), 16000, "FLOAT")
    limit = r"4 of 8 utterances cannot be used, which exceeds --max-bad 0\.05: .*; 'b': silent"
    with pytest.raises(InputError, match=limit):
        dump(folder, data)
    assert not (folder / "feats.scp").exists()
    before = archives(folder)
    assert dump(folder, data, max_bad=0.5) == 2  # bad ones are tried again, good ones kept
    assert before == archives(folder)
    assert list(features(folder)) == ["a", "c", "e", "g"]
    reasons = read_table(folder / "bad_utterances")
    assert reasons["b"] == "silent: all 8000 samples are 0"
    assert reasons["d"] == "too short: 300 samples, a frame has 400"
    assert reasons["f"].startswith("no such file")
    assert reasons["h"].startswith("features are not finite")

    for name in "bdfh":
        shutil.copy(data / "a.wav", data / f"{name}.wav")
    dump(folder, data)
    assert not (folder / "bad_utterances").exists()
    assert list(features(folder)) == list("abcdefgh")
    check(folder)


def test_silence_can_be_kept_also_later(tmp_path):
    data, folder = make_data(tmp_path / "data", ["a", "b"]), tmp_path / "dump"
    soundfile.write(data / "b.wav", np.zeros(4800), 16000)
    dump(folder, data)
    assert list(features(folder)) == ["a"]
    before = archives(folder)
    save(FbankConfig(keep_silent=True), tmp_path / "silent.yaml")
    dump(folder, data, config=tmp_path / "silent.yaml")
    assert before.items() <= archives(folder).items()
    np.testing.assert_allclose(features(folder)["b"], np.full((28, 128), np.log(2**-23)), rtol=1e-6)
    check(folder)
    with pytest.raises(InputError, match="keep_silent True, not False: choose another folder"):
        dump(folder, data)


def test_a_single_bad_utterance_is_tolerated_unless_none_is(tmp_path, capsys):
    data, folder = make_data(tmp_path / "data", list("abc")), tmp_path / "dump"
    (data / "b.wav").unlink()
    with pytest.raises(InputError, match=r"1 of 3 utterances cannot .*exceeds --max-bad 0:"):
        dump(folder, data, max_bad=0)
    dump(folder, data)
    assert list(features(folder)) == ["a", "c"]
    (data / "c.wav").unlink()
    with pytest.raises(InputError, match=r"2 of 3 .*; 'b': no such file: .*\(all: .*/bad_utt"):
        dump(folder, data)
    capsys.readouterr()
    for name in "ac":
        soundfile.write(data / f"{name}.wav", np.random.default_rng(1).normal(0, 1, 9000), 16000)
    dump(folder, data)
    said = "; 1 since their audio, or the path or time of its file, has changed; 2 "
    assert said + "were unusable last time (bad_utterances) and are tried again" in (
        capsys.readouterr().err
    )


def test_a_dump_of_bad_utterances_alone_says_why(tmp_path):
    data = make_data(tmp_path / "data", ["a"])
    (data / "a.wav").unlink()
    with pytest.raises(InputError, match="no utterances: none can be used; 'a': no such file"):
        dump(tmp_path / "dump", data, max_bad=1)


def test_an_unexpected_failure_names_the_utterance(tmp_path, monkeypatch):
    data = make_data(tmp_path / "data", ["a"])
    monkeypatch.setattr("asda.features.extract.extract_log_mel", lambda *_: 1 / 0)
    with pytest.raises(RuntimeError, match=r"utterance 'a', audio '.*a\.wav': ZeroDivisionError"):
        dump(tmp_path / "dump", data)


def test_check_names_a_missing_archive_once(tmp_path, capsys):
    data, folder = make_data(tmp_path / "data", list("abcdef")), tmp_path / "dump"
    dump(folder, data, nj=2)
    archive = sorted((folder / "archives").glob("*.ark"))[0]
    archive.unlink()
    capsys.readouterr()
    with pytest.raises(InputError, match=r"1 problems; .* run stage dump again"):
        check(folder)
    remedy = "run stage dump again, which computes what is missing"
    assert (
        capsys.readouterr().out == f"{archive}: missing or cut off, with 3 utterances; {remedy}\n"
    )
    dump(folder, data, nj=2)
    check(folder)


def test_utterance_that_has_become_bad_is_no_longer_in_the_dump(tmp_path):
    data, folder = make_data(tmp_path / "data", ["a", "b"]), tmp_path / "dump"
    dump(folder, data)
    (data / "a.wav").write_bytes(b"")
    dump(folder, data, max_bad=0.5)
    assert list(features(folder)) == ["b"]
    check(folder)


def test_size_is_estimated_and_the_disk_asked(tmp_path, monkeypatch, capsys):
    data, folder = make_data(tmp_path / "data", [f"u{n}" for n in range(150)]), tmp_path / "dump"
    dump(folder, data, nj=1)
    needed = float(capsys.readouterr().err.split("about ")[1].split(" MB")[0])
    size = sum(path.stat().st_size for path in folder.glob("archives/*.ark")) / 1e6
    assert size < needed < 1.3 * size + 0.1
    usage = namedtuple("usage", "total used free")(10**9, 10**9, 10**5)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(InputError, match=r"disk is too small: about .* MB needed, 0\.1 MB free"):
        dump(tmp_path / "other", data)


def test_one_long_file_among_short_ones_is_estimated_as_long(tmp_path, capsys):
    data = make_data(tmp_path / "data", [f"u{n:03d}" for n in range(120)], seconds=0.5)
    samples = np.random.default_rng(0).normal(0, 0.1, 600 * 16000)
    for path in (data / "u001.wav", data / "u077.flac"):
        soundfile.write(path, samples, 16000)
    table = read_table(data / "wav.scp") | {"u077": str(data / "u077.flac")}
    write_table(data / "wav.scp", table)
    plan(tmp_path / "dump", [data], None, "3", 1)
    seconds = 1200 + sum(0.5 + n * 50 / 16000 for n in range(120) if n not in (1, 77))
    needed = 1.1 * seconds * 100 * 128 * 2 / 1e6
    said = capsys.readouterr().err
    assert f"{seconds / 60:.0f} min of audio" in said
    assert float(said.split("about ")[1].split(" MB")[0]) == pytest.approx(needed, rel=0.01)
    todo = [DumpItem.parse(line) for line in (tmp_path / "dump/jobs/todo.1").open()]
    assert [item.seconds for item in todo if item.seconds > 10] == [600.0, 600.0]


def test_times_that_make_no_sense_do_not_reach_the_estimate(tmp_path, capsys):
    data = make_data(tmp_path / "data", ["r"], seconds=3)
    segments = {"a": "r 0 inf", "b": "r nan 2", "c": "r 2 1", "d": "r 0.5 1.5"}
    write_table(data / "segments", segments)
    write_table(data / "utt2spk", {name: name for name in segments})
    copied = shutil.copytree(data, tmp_path / "copy")
    plan(tmp_path / "dump", [data, copied], None, "3", 1)
    assert "1 s of audio, about 0.0 MB needed" in capsys.readouterr().err


def test_what_data_directories_may_not_be(tmp_path):
    first, second = make_data(tmp_path / "1", ["a", "b"]), make_data(tmp_path / "2", ["b"])
    with pytest.raises(InputError, match=r"'b' is different audio in .*1 and .*2"):
        dump(tmp_path / "dump", first, second)
    (first / "utt2spk").write_text("a a\nb b\nc c\n")
    with pytest.raises(InputError, match=r"without audio in wav\.scp: 1 \(first: 'c'\)"):
        dump(tmp_path / "dump", first)


def test_a_table_of_an_archive_without_sense_is_named(tmp_path):
    data, folder = make_data(tmp_path / "data", ["a"]), tmp_path / "dump"
    dump(folder, data)
    table = next(folder.glob("archives/*.table"))
    *words, _ = table.read_text().split(" ")
    table.write_text(" ".join([*words, "nan\n"]))
    with pytest.raises(InputError, match=f"{table}: damaged; remove this file"):
        dump(folder, data)


def _flip_a_byte(folder: Path, place: int = -1, bit: int = 0x40) -> None:
    path = next(folder.glob("archives/*.ark"))
    content = bytearray(path.read_bytes())
    content[place] ^= bit
    path.write_bytes(content)


def _flip_the_last_bit(folder: Path) -> None:
    _flip_a_byte(folder, -4, 1)


def _shorten(folder: Path) -> None:
    path = next(folder.glob("archives/*.ark"))
    os.truncate(path, path.stat().st_size - 1)


def _exchange_lines(folder: Path) -> None:
    table = read_table(folder / "feats.scp")
    write_table(folder / "feats.scp", table | {"a": table["b"], "b": table["a"]})


def _miscount(folder: Path) -> None:
    frames = read_table(folder / "utt2num_frames")
    write_table(folder / "utt2num_frames", frames | {"a": "7"})


def _drop_line(folder: Path) -> None:
    moments = read_table(folder / "utt2moments")
    del moments["b"]
    write_table(folder / "utt2moments", moments)


def _put_nan(folder: Path) -> None:
    path = next(folder.glob("archives/*.ark"))
    path.write_bytes(path.read_bytes()[:-4] + np.float32("nan").tobytes())


@pytest.mark.parametrize(
    ("damage", "said", "problems"),
    [
        (_flip_a_byte, "the values of 'b' differ from utt2moments", 1),
        (_flip_the_last_bit, "the values of 'b' differ from utt2moments", 1),
        (_shorten, "damaged archive: a matrix of", 1),
        (_exchange_lines, "not the features of utterance 'a'", 2),
        (_miscount, r"'a' has \(28, 128\) frames x bands, not \(7, 128\)", 1),
        (_drop_line, "'b': of feats.scp and utt2moments, only in feats.scp", 1),
        (_put_nan, "features of 'b': .*: values that are not finite", 1),
    ],
)
def test_check_finds_damage(tmp_path, capsys, damage, said, problems):
    folder = tmp_path / "dump"
    dump(folder, make_data(tmp_path / "data", ["a", "b"]), nj=1, compression="none")
    check(folder)
    damage(folder)
    capsys.readouterr()
    with pytest.raises(InputError, match=f"{problems} problems"):
        check(folder)
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == problems

    assert re.search(said, printed), printed
