"""The commands on which faults are tried, the data that they need, and what they should make."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from forked import Forked
from outputs import bytes_of, dump_of, run_of, scores_of

from asda.files import read_json, write_lines

MAIN = Path(__file__).resolve().parents[2]
RECIPE = MAIN / "egs/mini"
LONGEST = 300  # seconds that a command may take
CLIPS = {"train": 200, "valid": 50, "test": 100}


@dataclass
class Command:
    """A command that is killed.

    Args:
        name: what it is called in the table
        words: the command line
        out: file or folder that it writes
        content: what must be the same, of the folder or file
    """

    name: str
    words: Sequence[object]
    out: Path
    content: Callable[[Path], dict[str, Any]]


def commands_in(work: Path, place: Path | None = None) -> list[Command]:
    """Return the commands, each of which uses what those before it have made in `work`.

    Args:
        work: folder with the data
        place: where they write, if that is not where the others find it
    """
    data, made = work / "data", work / "made"
    place = place or made
    fbank = RECIPE / "conf/fbank.yaml"
    sets = [data / name for name in ("train", "valid", "test")]
    common = ["--train", data / "train", "--valid", data / "valid", "--dump", made / "dump"]
    short = ["--training.device", "cpu", "--training.threads", 1, "--training.log_every", 2]
    short += ["--training.evaluate_every", 4, "--training.save_every", 2]
    short += ["--training.updates", 12, "--data.batch_size", 16]
    model = made / "finetune/model.pt"
    pretrain = ["asda", "pretrain", "--config", RECIPE / "conf/pretrain.yaml", *common, *short]
    finetune = ["asda", "finetune", "--config", RECIPE / "conf/finetune.yaml", *common, *short]
    finetune += ["--init", made / "pretrain/model.pt"]
    score = ["asda", "score", "--model", model, "--data", data / "test", "--dump", made / "dump"]
    cpu = ["--device", "cpu", "--threads", 1]
    tag = ["asda", "tag", model, data / "test", "--out", place / "tags.jsonl", *cpu]
    export = ["asda", "export", model, place / "export", "--format", "huggingface"]
    dump = ["utils/dump_fbank.sh", "--nj", 2, "--fbank-config", fbank, place / "dump", *sets]
    return [
        Command("dump", dump, place / "dump", dump_of),
        Command("pretrain", [*pretrain, "--exp", place / "pretrain"], place / "pretrain", run_of),
        Command("finetune", [*finetune, "--exp", place / "finetune"], place / "finetune", run_of),
        Command("score", [*score, "--out", place / "score", *cpu], place / "score", scores_of),
        Command("tag", tag, place / "tags.jsonl", bytes_of),
        Command("export", export, place / "export", bytes_of),
    ]


def start(command: Command) -> subprocess.Popen[str] | Forked:
    """Start a command in a process group of its own, in the folder of the recipe."""
    words = [str(word) for word in command.words]
    if words[0] == "asda":
        return Forked(words, RECIPE, environment())
    return subprocess.Popen(
        words,
        cwd=RECIPE,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def environment() -> dict[str, str]:
    """Return variables with which this asda is found, and one thread is used."""
    paths = f"{Path(sys.executable).parent}:{RECIPE}/utils:{os.environ['PATH']}"
    return os.environ | {"PATH": paths, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(MAIN)}


def run(command: Command) -> tuple[int, str]:
    """Run a command to its end; return its exit status, and what it has said on standard error."""
    with start(command) as process:
        said = process.communicate(timeout=LONGEST)[1]
    return process.returncode, said


def finish(command: Command) -> str:
    """Run a command to its end; return what is wrong with that, "" if nothing is."""
    status, said = run(command)
    return "" if status == 0 else f"status {status}: {said.strip()[-200:]}"


def kill(command: Command, after: float) -> bool:
    """Kill a command with all its processes after some seconds; return whether it had ended."""
    with start(command) as process:
        time.sleep(after)
        ended = process.poll() is not None
        for number in descendants(process.pid):
            try:
                os.kill(number, signal.SIGKILL)
            except ProcessLookupError:
                continue
    return ended


def descendants(root: int) -> list[int]:
    """Return a process and all processes below it, each before those that it has started."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
    parents = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
    found = [root]
    for one in found:
        found += [pid for pid, parent in parents if parent == one]
    return found


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def emptied(folder: Path) -> None:
    remove(folder)
    folder.mkdir(parents=True)


def files_of(path: Path) -> set[str]:
    """Return the files below a folder and beside it, but for logs and archives of a dump."""
    beside = {f"../{file.name}" for file in path.parent.iterdir()}
    names = {str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()}
    varying = ("log/", "tensorboard/", "archives/feats_")
    return beside | {name for name in names if not name.startswith(varying)}


def differing(command: Command, wanted: dict[str, Any]) -> list[str]:
    """Return what of the output of a command is not as it should be."""
    if not command.out.exists():
        return [command.out.name]
    found = command.content(command.out)
    return [name for name in wanted if not np.array_equal(found.get(name), wanted[name])]


def make_data(work: Path) -> None:
    """Generate sounds as those of egs/mini, and their data directories."""
    clips = [word for name, count in CLIPS.items() for word in (f"--{name}", count)]
    calls: list[list[object]] = [["local/synthesize.py", work / "sounds", *clips]]
    calls += [["local/data.sh", work / "sounds", work / "data"]]
    for call in calls:
        subprocess.run([str(word) for word in call], cwd=RECIPE, check=True, env=environment())


def seconds_in(work: Path) -> dict[str, float]:
    """Return how long each undisturbed command took."""
    kept = work / "seconds.json"
    return read_json(kept) if kept.exists() else {}


def chosen(work: Path, names: Sequence[str]) -> list[tuple[Command, Command]]:
    """Return commands of these names (none: all), each undisturbed and as it is tried in `place`.

    The undisturbed ones have run when this returns, as have those whose results they need; what an
    earlier call has made serves again. How long they took is in WORK/seconds.json.
    """
    undisturbed = commands_in(work)
    names = names or [command.name for command in undisturbed]
    needed = max(number for number, command in enumerate(undisturbed) if command.name in names)
    if not (work / "data").exists():
        make_data(work)
    for command in undisturbed[: needed + 1]:
        if not command.out.exists():
            began = time.monotonic()
            if problem := finish(command):
                raise SystemExit(f"{command.name}, undisturbed: {problem}")
            seconds = seconds_in(work) | {command.name: time.monotonic() - began}
            write_lines(work / "seconds.json", [json.dumps(seconds)])
    pairs = zip(undisturbed, commands_in(work, work / "place"), strict=True)
    return [(made, tried) for made, tried in pairs if tried.name in names]
