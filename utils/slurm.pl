#!/usr/bin/env python3
"""Run jobs on a Slurm cluster. Python with the name and interface of Kaldi's slurm.pl.

usage: slurm.pl [--config conf/slurm.conf] [--max-jobs-run N] [--gpu N] [--mem 4G] [--time 4:0:0]
                [--num-threads N] [--resume true] [JOB=1:n] LOG PROGRAM [ARGS]

The jobs are tasks of one job array. Each runs through run.pl, which writes its log, and stores its
exit code in a file in q/ next to the log; this program waits for these files. The configuration
file translates options into sbatch options, in Kaldi's syntax (default: DEFAULT_CONFIG below).
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from jobs import Call, UsageError, dispatch

DEFAULT_CONFIG = """
command sbatch
option mem=* --mem $0
option time=* --time $0
option num_threads=* --cpus-per-task $0
option gpu=* --gres=gpu:$0
option gpu=0
default gpu=0
"""
OUR_OPTIONS = ("config", "max_jobs_run", "resume")
POLL_SECONDS = 1.0
POLLS_PER_QUEUE_CHECK = 10


@dataclass
class Config:
    """The sbatch options for each (name, value) of an option; the value "*" matches any."""

    path: Path
    command: str = "sbatch"
    meanings: dict[tuple[str, str], str] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)

    def sbatch_words(self, options: dict[str, str]) -> list[str]:
        words = shlex.split(self.command)
        for name, value in (self.defaults | options).items():
            meaning = self.meanings.get((name, value), self.meanings.get((name, "*")))
            if meaning is None:
                raise UsageError(
                    f"{self.path}: no rule for --{name} {value}; add 'option {name}=* ...'"
                )
            words += shlex.split(meaning.replace("$0", value))
        return words


def read_config(call: Call) -> Config:
    """Read the file --config, or conf/slurm.conf if it exists, or the default configuration."""
    config = Config(Path(call.options.get("config", "conf/slurm.conf")))
    if "config" in call.options and not config.path.is_file():
        raise UsageError(f"option --config: no file '{config.path}'")
    text = config.path.read_text(encoding="utf-8") if config.path.is_file() else DEFAULT_CONFIG
    for number, line in enumerate(text.splitlines(), 1):
        kind, _, rest = line.partition("#")[0].strip().partition(" ")
        setting = re.match(r"(\w+)=(\S+)\s*(.*)", rest.strip())
        if kind == "command":
            config.command = rest
        elif kind == "option" and setting:
            config.meanings[setting[1], setting[2]] = setting[3]
        elif kind == "default" and setting:
            config.defaults[setting[1]] = setting[2]
        elif kind:
            raise UsageError(
                f"{config.path}:{number}: expected command, option or default, found '{line}'"
            )
    return config


class Batch:
    """The job array of one call.

    Args:
        call: the call
        numbers: job numbers to run
    """

    def __init__(self, call: Call, numbers: list[int]):
        log = Path(call.log)
        self.call = call
        self.numbers = numbers
        self.script = log.parent / "q" / f"{log.name}.sh"
        self.id = ""

    def exit_file(self, number: int) -> Path:
        return self.script.with_suffix(f".{number}.exit")

    def submit(self) -> None:
        """Write the batch script and submit it with sbatch."""
        command = read_config(self.call).sbatch_words(
            {name: v for name, v in self.call.options.items() if name not in OUR_OPTIONS}
        )
        self._write_script()
        for number in self.numbers:
            self.exit_file(number).unlink(missing_ok=True)
        tasks = ",".join(map(str, self.numbers))
        if "max_jobs_run" in self.call.options:
            tasks += f"%{self.call.options['max_jobs_run']}"
        name = str(self.script.with_suffix("")).replace("%", "%%")  # %j would be the job's number
        output = f"{name}.%a.out"  # messages of Slurm itself
        command += [f"--array={tasks}", f"--output={output}", str(self.script)]
        done = subprocess.run(command, capture_output=True, text=True)
        job_id = re.search(r"\d+", done.stdout)
        if done.returncode or not job_id:
            raise UsageError(f"{shlex.join(command)}: {(done.stderr or done.stdout).strip()}")
        self.id = job_id[0]

    def _write_script(self) -> None:
        run = [sys.executable, str(Path(__file__).resolve().with_name("run.pl"))]
        array = f"{self.call.variable}=$SLURM_ARRAY_TASK_ID" if self.call.variable else ""
        exit_file = shlex.quote(str(self.script.with_suffix("").resolve()))
        self.script.parent.mkdir(parents=True, exist_ok=True)
        self.script.write_text(
            "#!/usr/bin/env bash\n"
            f"cd {shlex.quote(str(Path.cwd()))} || exit 1\n"
            f"{shlex.join(run)} {array} {shlex.join([self.call.log, *self.call.words])}\n"
            f"code=$? exit_file={exit_file}.$SLURM_ARRAY_TASK_ID.exit\n"
            'echo $code > "$exit_file.new" && mv "$exit_file.new" "$exit_file"\n',
            encoding="utf-8",
        )

    def wait(self) -> list[int]:
        """Wait for all tasks; return those that failed or that Slurm ended without an exit code."""
        missing, polls, absences = set(self.numbers), 0, 0
        # On a network file system a task may leave the queue before its exit file is visible here:
        # only the second check counts.
        while missing and absences < 2:
            time.sleep(POLL_SECONDS)
            polls += 1
            missing = {number for number in missing if not self.exit_file(number).exists()}
            if polls % POLLS_PER_QUEUE_CHECK == 0:
                absences = 0 if self._is_queued() else absences + 1
        ended = set(self.numbers) - missing
        failed = {n for n in ended if self.exit_file(n).read_text(encoding="utf-8") != "0\n"}
        return sorted(failed | missing)

    def _is_queued(self) -> bool:
        done = subprocess.run(["squeue", "-h", "-j", self.id], capture_output=True, text=True)
        if done.returncode:  # unless the job is unknown, the controller may just be busy
            return "Invalid job id" not in done.stderr
        return bool(done.stdout.strip())

    def cancel(self) -> None:
        subprocess.run(["scancel", self.id], check=False)


def run_batch(call: Call) -> list[int]:
    """Run the unfinished jobs as one Slurm job array; return the numbers of failed ones."""
    numbers = call.unfinished()
    if not numbers:
        return []
    batch = Batch(call, numbers)
    batch.submit()
    try:
        return batch.wait()
    except SystemExit:
        batch.cancel()
        raise


if __name__ == "__main__":
    dispatch(run_batch, "slurm.pl", __doc__)
