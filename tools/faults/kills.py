#!/usr/bin/env python3
"""Kill commands at random moments, repeat them, and compare what they have made.

usage: tools/faults/kills.py WORK [--times N] [--seed N] [COMMAND ...]

WORK is a new folder. Each COMMAND (dump, pretrain, finetune, score, tag, export; default: all)
first runs without interruption on the sounds of egs/mini. Then it is killed N times (default: 100),
each time with all its processes at a random moment of its duration, and repeated. What it leaves
must be what the undisturbed command has made, and no other file. The table goes to WORK/kills.md;
the exit status is 1 if there is any difference.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from outputs import bytes_of, dump_of, run_of, scores_of

from asda.files import write_lines
from asda.scoring.tables import markdown_table

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


@dataclass
class Tries:
    """What came out of the kills of one command."""

    seconds: float
    kills: int = 0
    finished: int = 0
    failures: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    stray: list[str] = field(default_factory=list)

    @property
    def is_faultless(self) -> bool:
        return not (self.failures or self.different or self.stray)

    def row(self, name: str) -> list[object]:
        found = [*self.failures, *self.different, *self.stray]
        counts = [len(self.failures), len(self.different), len(self.stray)]
        return [
            name,
            f"{self.seconds:.1f}",
            self.kills,
            self.finished,
            *counts,
            "; ".join(found[:3]),
        ]


HEADER = ["command", "seconds", "kills", "of these after its end", "repetitions that fail"]
HEADER += ["other content", "stray files", "first faults"]


def commands_in(work: Path) -> list[Command]:
    """Return the commands, each of which uses what those before it have made."""
    data, made = work / "data", work / "made"
    asda = [sys.executable, "-m", "asda"]
    fbank = RECIPE / "conf/fbank.yaml"
    sets = [data / name for name in ("train", "valid", "test")]
    common = ["--train", data / "train", "--valid", data / "valid", "--dump", made / "dump"]
    short = ["--training.device", "cpu", "--training.threads", 1, "--training.log_every", 2]
    short += ["--training.evaluate_every", 4, "--training.save_every", 2]
    short += ["--training.updates", 12, "--data.batch_size", 16]
    model = made / "finetune/model.pt"
    pretrain = [*asda, "pretrain", "--config", RECIPE / "conf/pretrain.yaml", *common, *short]
    finetune = [*asda, "finetune", "--config", RECIPE / "conf/finetune.yaml", *common, *short]
    finetune += ["--init", made / "pretrain/model.pt"]
    score = [*asda, "score", "--model", model, "--data", data / "test", "--dump", made / "dump"]
    cpu = ["--device", "cpu", "--threads", 1]
    tag = [*asda, "tag", model, data / "test", "--out", made / "tags.jsonl", *cpu]
    export = [*asda, "export", model, made / "export", "--format", "huggingface"]
    dump = ["utils/dump_fbank.sh", "--nj", 2, "--fbank-config", fbank, made / "dump", *sets]
    return [
        Command("dump", dump, made / "dump", dump_of),
        Command("pretrain", [*pretrain, "--exp", made / "pretrain"], made / "pretrain", run_of),
        Command("finetune", [*finetune, "--exp", made / "finetune"], made / "finetune", run_of),
        Command("score", [*score, "--out", made / "score", *cpu], made / "score", scores_of),
        Command("tag", tag, made / "tags.jsonl", bytes_of),
        Command("export", export, made / "export", bytes_of),
    ]


def start(command: Command) -> subprocess.Popen[str]:
    """Start a command in a process group of its own, in the folder of the recipe."""
    return subprocess.Popen(
        [str(word) for word in command.words],
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


def finish(command: Command) -> str:
    """Run a command to its end; return what is wrong with that, "" if nothing is."""
    with start(command) as process:
        said = process.communicate(timeout=LONGEST)[1]
    return "" if process.returncode == 0 else f"status {process.returncode}: {said.strip()[-200:]}"


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


def try_out(command: Command, times: int, chance: random.Random) -> Tries:
    """Make the output once without interruption, and `times` times with one."""
    began = time.monotonic()
    if problem := finish(command):
        raise SystemExit(f"{command.name}, not even killed: {problem}")
    tries = Tries(time.monotonic() - began)
    wanted, files = command.content(command.out), files_of(command.out)
    for number in range(times):
        remove(command.out)
        after = chance.uniform(0.1, 1.05) * tries.seconds
        tries.kills += 1
        tries.finished += kill(command, after)
        problem = finish(command)
        other = differing(command, wanted)
        if problem and other:  # a complete export is not written again
            tries.failures.append(f"killed after {after:.2f} s: {problem}")
        elif other:
            tries.different.append(f"killed after {after:.2f} s: {', '.join(other[:3])}")
        tries.stray += sorted(files_of(command.out) - files)
        print(f"{command.name} {number + 1}/{times}{'' if tries.is_faultless else ': FAULTS'}")
    return tries


def make_data(work: Path) -> None:
    """Generate some sounds of egs/mini and their data directories."""
    calls: list[list[object]] = [["local/synthesize.py", work / "sounds"]]
    calls += [["local/data.sh", work / "sounds", work / "all"]]
    for name, clips in CLIPS.items():
        calls += [["utils/subset_data_dir.sh", work / "all" / name, clips, work / "data" / name]]
    for call in calls:
        subprocess.run([str(word) for word in call], cwd=RECIPE, check=True, env=environment())


def main() -> None:
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].removeprefix("usage: "))
    parser.add_argument("work", type=Path)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("commands", nargs="*")
    options = parser.parse_intermixed_args()
    work = options.work.resolve()
    work.mkdir(parents=True)
    make_data(work)
    chance, rows, faultless = random.Random(options.seed), [], True
    for command in commands_in(work):
        killed = command.name in options.commands or not options.commands
        tries = try_out(command, options.times if killed else 0, chance)
        faultless &= tries.is_faultless
        if killed:
            rows.append(tries.row(command.name))
    table = markdown_table(HEADER, rows)
    write_lines(work / "kills.md", [table])
    print(table)
    sys.exit(0 if faultless else 1)


if __name__ == "__main__":
    main()
