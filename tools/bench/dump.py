#!/usr/bin/env python3
"""Feature extraction by utils/dump_fbank.sh, against a script with torchaudio.

Usage: tools/bench/dump.py FOLDER-OF-AUDIO [--utterances 1000] [--compression 3] [--nj 1 2]

The files are dumped as they are, and converted to 16-bit WAV, which takes almost no time to decode.
They are listed repeatedly to reach --utterances. The baseline processes one clip after the other on
one core: torchaudio.load (soundfile if its decoder is missing), torchaudio's resampler and
filterbank, and kaldiio. Start-up, the time to dump one utterance, is subtracted and shown
separately; it covers two programs and a script for asda with --nj 1, and one program for the
baseline. The second table compares the steps of both in one process.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import kaldiio
import soundfile
import torch
import torchaudio
from torchaudio.compliance import kaldi

from asda.audio.waveform import read_audio
from asda.commands.dump import COMPRESSIONS
from asda.commands.number_types import positive
from asda.features.archive_writer import write_matrix
from asda.features.fbank import Fbank
from asda.features.fbank_config import FbankConfig

DUMP = Path(__file__).resolve().parents[2] / "utils/dump_fbank.sh"
RATE = 16000
PROFILED = 100  # clips for which steps are timed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--utterances", type=positive, default=1000)
    parser.add_argument("--compression", choices=COMPRESSIONS, default="3")
    parser.add_argument("--nj", type=positive, nargs="+", default=[1, 2])
    parser.add_argument("--baseline", type=Path, metavar="ARK", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.baseline:  # run as the baseline, in a process of its own
        dump_by_torchaudio(arguments.folder, arguments.baseline, arguments.compression)
        return
    os.environ["OMP_NUM_THREADS"] = "1"
    files = audio_files(arguments.folder)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        forms = {"as they are": files, "16-bit WAV": as_wav(files, work / "wav")}
        describe(files, arguments)
        print(
            f"{'clips per second':<16}{'nj':>3}{'baseline':>10}{'asda':>8}{'ratio':>7}"
            f"{'start-up s':>12}{'asda':>6}"
        )
        for form, paths in forms.items():
            compare(form, paths, arguments, work / form.replace(" ", "_"))
        print(
            f"{'ms per clip':<16}{'':>10}{'decode':>8}{'resample':>10}{'filterbank':>12}"
            f"{'write':>7}{'sum':>7}"
        )
        for form, paths in forms.items():
            for who, steps in (("baseline", TORCHAUDIO), ("asda", asda_steps())):
                show_profile(form, who, profile(paths, steps, arguments.compression))


def audio_files(folder: Path) -> list[Path]:
    """Return the files in a folder that soundfile can read."""
    files = []
    for path in sorted(folder.resolve().rglob("*")):
        try:
            soundfile.info(path)
            files.append(path)
        except (soundfile.LibsndfileError, OSError):
            continue
    if not files:
        sys.exit(f"{folder}: no audio")
    return files


def as_wav(files: list[Path], folder: Path) -> list[Path]:
    """Convert each file to 16-bit WAV at its own sample rate."""
    folder.mkdir()
    paths = [folder / f"{number}.wav" for number in range(len(files))]
    for file, path in zip(files, paths, strict=True):
        samples, rate = soundfile.read(file, dtype="int16")
        soundfile.write(path, samples, rate, subtype="PCM_16")
    return paths


def describe(files: list[Path], arguments: argparse.Namespace) -> None:
    kinds = {f"{i.format} {i.subtype} {i.samplerate} Hz" for i in map(soundfile.info, files)}
    seconds = sum(soundfile.info(file).duration for file in files)
    print(
        f"{len(files)} files, {'; '.join(sorted(kinds))}, {seconds / len(files):.1f} s on average, "
        f"{arguments.utterances} utterances; compression {arguments.compression}; "
        f"{os.cpu_count()} cores"
    )


def compare(form: str, files: list[Path], arguments: argparse.Namespace, work: Path) -> None:
    """Print clips per second for the baseline and for asda with each number of jobs."""
    one = data_directory(work / "one", files, 1)
    whole = data_directory(work / "all", files, arguments.utterances)
    more = arguments.utterances - 1
    options = ["--compression", arguments.compression]

    def baseline(data: Path) -> list:
        return [sys.executable, __file__, data, *options, "--baseline", work / "baseline.ark"]

    def asda(data: Path, jobs: int) -> list:
        dump = tempfile.mkdtemp(dir=work)
        return [DUMP, *options, "--nj", jobs, dump, data]

    timed(baseline(one))
    start_up, asda_start_up = timed(baseline(one)), timed(asda(one, 1))
    seconds = timed(baseline(whole)) - start_up
    for jobs in arguments.nj:
        asda_seconds = timed(asda(whole, jobs)) - asda_start_up
        print(
            f"{form:<16}{jobs:>3}{more / seconds:>10.0f}{more / asda_seconds:>8.0f}"
            f"{seconds / asda_seconds:>7.2f}{start_up:>12.1f}{asda_start_up:>6.1f}",
            flush=True,
        )


def data_directory(folder: Path, files: list[Path], utterances: int) -> Path:
    """Write a data directory that lists the files repeatedly, to the number of utterances."""
    folder.mkdir(parents=True)
    names = [f"utt{number:06d}" for number in range(utterances)]
    with open(folder / "wav.scp", "w") as wav, open(folder / "utt2spk", "w") as speakers:
        for name, file in zip(names, itertools.cycle(files), strict=False):
            print(name, file, file=wav)
            print(name, name, file=speakers)
    return folder


def timed(command: list) -> float:
    with tempfile.TemporaryFile("w+") as log:
        start = time.perf_counter()
        ran = subprocess.run(list(map(str, command)), stdout=log, stderr=log, check=False)
        seconds = time.perf_counter() - start
        if ran.returncode:
            log.seek(0)
            sys.exit(f"failed: {command}\n{log.read()}")
    return seconds


def load(path: str) -> tuple[torch.Tensor, int]:
    """Return samples (channels, samples) and the sample rate."""
    try:
        return torchaudio.load(path)
    except ImportError:  # torchaudio 2.9 and later needs another package to decode
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        return torch.from_numpy(samples.T), rate


def log_mel(waveform: torch.Tensor) -> torch.Tensor:
    return kaldi.fbank(
        (waveform - waveform.mean()).mean(0, keepdim=True),
        sample_frequency=RATE,
        num_mel_bins=FbankConfig().num_mel_bins,
        window_type="hanning",
        dither=0.0,
    )


def dump_by_torchaudio(data: Path, archive: Path, compression: str) -> None:
    """Dump the features of a data directory with common libraries."""
    method = None if compression == "none" else int(compression)
    with (
        kaldiio.WriteHelper(f"ark,scp:{archive},{archive}.scp", compression_method=method) as write,
        open(data / "wav.scp") as table,
    ):
        for line in table:
            utterance, path = line.strip().split(maxsplit=1)
            waveform, rate = load(path)
            waveform = torchaudio.functional.resample(waveform, rate, RATE)
            write(utterance, log_mel(waveform).numpy())


Steps = tuple[Callable, Callable, Callable, Callable]  # decode, resample, filterbank, write
TORCHAUDIO: Steps = (
    lambda path: load(str(path)),
    lambda decoded: torchaudio.functional.resample(*decoded, RATE),
    log_mel,
    lambda stream, features, method: kaldiio.save_ark(
        stream, {"u": features.numpy()}, compression_method=method and int(method)
    ),
)


def asda_steps() -> Steps:
    """Return asda's steps; resampling is the extra time of reading at another sample rate."""
    fbank = Fbank(FbankConfig())
    return (
        lambda path: (path, read_audio(str(path), soundfile.info(path).samplerate)),
        lambda decoded: torch.from_numpy(read_audio(str(decoded[0]))),
        fbank,
        lambda stream, features, method: write_matrix(
            stream, "u", features.numpy(), method or "none"
        ),
    )


def profile(files: list[Path], steps: Steps, compression: str) -> list[float]:
    """Return the mean time of each step per file in ms."""
    decode, resample, filterbank, write = steps
    method = None if compression == "none" else compression
    times = []
    with tempfile.TemporaryFile() as stream:
        for path in files[:PROFILED]:
            marks = [time.perf_counter()]
            decoded = decode(path)
            marks.append(time.perf_counter())
            waveform = resample(decoded)
            marks.append(time.perf_counter())
            features = filterbank(waveform)
            marks.append(time.perf_counter())
            write(stream, features, method)
            marks.append(time.perf_counter())
            times.append([later - earlier for earlier, later in itertools.pairwise(marks)])
    return [1000 * sum(step) / len(times) for step in zip(*times, strict=True)]


def show_profile(form: str, who: str, milliseconds: list[float]) -> None:
    decode, resample, filterbank, write = milliseconds
    if who == "asda":
        resample -= decode
    total = decode + resample + filterbank + write
    print(
        f"{form:<16}{who:>10}{decode:>8.2f}{resample:>10.2f}{filterbank:>12.2f}{write:>7.2f}"
        f"{total:>7.2f}"
    )


if __name__ == "__main__":
    main()
