"""Job calls as in Kaldi's recipes, shared by run.pl, slurm.pl and queue.pl (standard library only).

run.pl [--option value ...] [JOB=1:8] log/x.JOB.log program arguments ...
"""

from __future__ import annotations

import contextlib
import re
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from job_logs import NO_LOG, has_succeeded, lines_of

SHOWN_LINES = 20


class UsageError(Exception):
    """A malformed call; the message is one line."""


@dataclass
class Call:
    """One call of run.pl, slurm.pl or queue.pl.

    Args:
        options: values by name, with underscores for dashes in names
        variable: placeholder for the job number, usually JOB; empty for a single job
        numbers: job numbers; [0] for a single job
        log: path of the log, containing the variable
        words: program and arguments, possibly containing the variable
        scheduler_options: options with a single dash and their values, which a scheduler knows
    """

    options: dict[str, str]
    variable: str
    numbers: list[int]
    log: str
    words: list[str]
    scheduler_options: list[list[str]] = field(default_factory=list)

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
    scheduler_options: list[list[str]] = []
    variable, numbers = "", [0]
    while words:
        array = re.fullmatch(r"([A-Za-z_]\w*)=(\d+)(?::(\d+))?", words[0])
        if array:
            words.pop(0)
            variable, first, last = array[1], int(array[2]), int(array[3] or array[2])
            if not 1 <= first <= last:
                raise UsageError(f"{array[0]}: expected FIRST:LAST with 1 <= FIRST <= LAST")
            numbers = list(range(first, last + 1))
        elif re.match(r"-\w", words[0]):
            _take_scheduler_option(words, scheduler_options, options)
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
    return Call(options, variable, numbers, log, words, scheduler_options)


def _take_scheduler_option(
    words: list[str], taken: list[list[str]], options: dict[str, str]
) -> None:
    """Take an option of a scheduler with its values, of which -pe has two and -V none.

    `-sync y` needs no counterpart, since this program waits anyway.
    """
    option = words.pop(0)
    count = {"-V": 0, "-pe": 2}.get(option, 1)
    if len(words) < count:
        needed = "a value" if count == 1 else f"{count} values"
        raise UsageError(f"option {option} needs {needed}")
    values = [words.pop(0) for _ in range(count)]
    if option == "-tc":
        options["max_jobs_run"] = values[0]
    elif option != "-sync":
        taken.append([option, *values])


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


def dispatch(run_jobs: Callable[[Call], dict[int, str]], program: str, usage: str) -> None:
    """Run the call on the command line; exit with status 1 if any of its jobs fails.

    Args:
        run_jobs: runs the jobs of a call and returns the numbers of failed ones, with a reason
            each; empty = the log says it
        program: name of the program, for messages
        usage: text printed by --help
    """
    if sys.argv[1:2] in (["--help"], ["-h"]):
        print(usage.strip())
        return
    exit_on_signals()
    try:
        call = parse_call(sys.argv[1:])
        failed = run_jobs(call)
    except UsageError as error:
        sys.exit(f"{program}: error: {error}")
    if failed:
        _report_failures(call, failed, program)
        sys.exit(1)


def _report_failures(call: Call, failed: dict[int, str], program: str) -> None:
    """Print which jobs failed, and why, and the end of the log of one of them."""
    what, log = failures(call, failed)
    print(f"{program}: {what}", file=sys.stderr)
    for line in lines_of(log)[-SHOWN_LINES:] or [NO_LOG]:
        print(f"  {line}", file=sys.stderr)


def failures(call: Call, failed: dict[int, str]) -> tuple[str, Path]:
    """Return which jobs failed and why, to be continued with the end of a log; and this log."""
    shown = next((number for number in sorted(failed) if failed[number]), min(failed))
    log, reason = call.log_of(shown), failed[shown]
    if call.variable:
        which = ", ".join(map(str, sorted(failed)))
        what = f"{len(failed)} of {len(call.numbers)} jobs failed ({call.variable}={which})"
        reason = reason and f"{call.variable}={shown}: {reason}"
    else:
        what = "the job failed"
    return f"{what}; {reason and reason + '; '}{log} ends:", log


def exit_on_signals() -> None:
    """Turn requests to stop into SystemExit, so that `finally` blocks stop the jobs.

    A signal that the program was started to ignore, as with nohup, stays ignored.
    """

    def leave(number: int, _frame: object) -> None:
        _Requests.received = 128 + number
        if not _Requests.deferred:
            sys.exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, leave)


class _Requests:
    """Requests to stop."""

    received = 0  # the exit status
    deferred = False


@contextlib.contextmanager
def exiting_afterwards() -> Iterator[None]:
    """Let requests to stop wait for the end of the block, in which a job begins and is noted."""
    _Requests.deferred = True
    try:
        yield
    finally:
        _Requests.deferred = False
    if _Requests.received:
        sys.exit(_Requests.received)
