"""Job calls as in Kaldi's recipes, shared by run.pl and slurm.pl (standard library only).

run.pl [--option value ...] [JOB=1:8] log/x.JOB.log program arguments ...
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SHOWN_LINES = 20


class UsageError(Exception):
    """A malformed call; the message is one line."""


@dataclass
class Call:
    """One call of run.pl or slurm.pl.

    Args:
        options: values by name, with underscores for dashes in names
        variable: placeholder for the job number, usually JOB; empty for a single job
        numbers: job numbers; [0] for a single job
        log: path of the log, containing the variable
        words: program and arguments, possibly containing the variable
    """

    options: dict[str, str]
    variable: str
    numbers: list[int]
    log: str
    words: list[str]

    def log_of(self, number: int) -> Path:
        return Path(self._numbered(self.log, number))

    def command_of(self, number: int) -> str:
        return self._numbered(join_words(self.words), number)

    def _numbered(self, text: str, number: int) -> str:
        return text.replace(self.variable, str(number)) if self.variable else text

    def unfinished(self) -> list[int]:
        """Return the jobs to run: all, or with `--resume true` those that have not succeeded."""
        if self.options.get("resume") != "true":
            return self.numbers
        return [n for n in self.numbers if not has_succeeded(self.log_of(n), self.command_of(n))]


def parse_call(words: list[str]) -> Call:
    """Parse options, JOB=1:n, log and command, in Kaldi's order.

    Raises:
        UsageError: if a part is missing, or all jobs would write to the same log.
    """
    words = list(words)
    options: dict[str, str] = {}
    variable, numbers = "", [0]
    while words:
        array = re.fullmatch(r"([A-Za-z_]\w*)=(\d+)(?::(\d+))?", words[0])
        if array:
            words.pop(0)
            variable, first, last = array[1], int(array[2]), int(array[3] or array[2])
            if not 1 <= first <= last:
                raise UsageError(f"{array[0]}: expected FIRST:LAST with 1 <= FIRST <= LAST")
            numbers = list(range(first, last + 1))
        elif words[0].startswith("-"):
            name, equals, value = words.pop(0).lstrip("-").partition("=")
            if not equals and not words:
                raise UsageError(f"option --{name} needs a value")
            options[name.replace("-", "_")] = value if equals else words.pop(0)
        else:
            break
    if len(words) < 2:
        raise UsageError("expected [options] [JOB=1:n] log program [arguments]")
    log = words.pop(0)
    if len(numbers) > 1 and variable not in log:
        raise UsageError(f"the log '{log}' must contain {variable}, one log per job")
    return Call(options, variable, numbers, log, words)


def join_words(words: list[str]) -> str:
    """Join words into one shell command, by Kaldi's rule.

    Words without spaces are not quoted, so that quoted pipes and redirections (\\|, ">") take
    effect within the job; words with spaces are quoted.
    """

    def quoted(word: str) -> str:
        if re.fullmatch(r"\S+", word):
            return word
        return f"'{word}'" if '"' in word else f'"{word}"'

    return " ".join(quoted(word) for word in words)


def start(command: str, log: Path) -> subprocess.Popen:
    """Start a command in bash with pipefail, in a new process group, with its output in `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "w", encoding="utf-8") as stream:
        stream.write(f"# {command}\n# Started at {time.ctime()}\n#\n")
        stream.flush()
        return subprocess.Popen(
            ["bash", "-o", "pipefail", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )


def write_trailer(log: Path, code: int, seconds: float, threads: str) -> None:
    """Append Kaldi's trailer to a log, which `has_succeeded` reads."""
    with open(log, "a", encoding="utf-8") as stream:
        stream.write(
            f"# Accounting: time={seconds:.0f} threads={threads}\n"
            f"# Ended (code {code}) at {time.ctime()}, elapsed time {seconds:.0f} seconds\n"
        )


def has_succeeded(log: Path, command: str) -> bool:
    """Return whether a log belongs to this command and ends with exit code 0."""
    if not log.is_file():
        return False
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    # The header of a multi-line command has several lines, so compare the text, not the first line.
    same_command = "\n".join(lines).startswith(f"# {command}\n# Started at ")
    return same_command and lines[-1].startswith("# Ended (code 0) ")


def dispatch(run_jobs: Callable[[Call], list[int]], program: str, usage: str) -> None:
    """Run the call on the command line; exit with status 1 if any of its jobs fails.

    Args:
        run_jobs: runs the jobs of a call and returns the numbers of failed ones
        program: name of the program, for messages
        usage: text printed by --help
    """
    if sys.argv[1:2] in (["--help"], ["-h"]):
        print(usage.strip())
        return
    _exit_on_signals()
    try:
        call = parse_call(sys.argv[1:])
        failed = run_jobs(call)
    except UsageError as error:
        sys.exit(f"{program}: error: {error}")
    if failed:
        _report_failures(call, failed, program)
        sys.exit(1)


def _report_failures(call: Call, failed: list[int], program: str) -> None:
    """Print which jobs failed, and the end of the first one's log."""
    log = call.log_of(failed[0])
    if call.variable:
        which = ", ".join(map(str, failed))
        what = f"{len(failed)} of {len(call.numbers)} jobs failed ({call.variable}={which})"
    else:
        what = "the job failed"
    print(f"{program}: {what}; {log} ends:", file=sys.stderr)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    for line in lines[-SHOWN_LINES:] or ["(no log)"]:
        print(f"  {line}", file=sys.stderr)


def _exit_on_signals() -> None:
    """Turn SIGINT and SIGTERM into SystemExit, so that `finally` blocks stop the jobs."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, frame: sys.exit(128 + received))
