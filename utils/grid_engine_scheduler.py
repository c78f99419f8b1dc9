"""Grid Engine's programs: submitting arrays of tasks, asking about them, cancelling them."""

from __future__ import annotations

import getpass
import re
import shlex
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import TYPE_CHECKING

from job_logs import lines_of, say
from jobs import UsageError
from scheduler_programs import Task, job_name, run_program

if TYPE_CHECKING:
    from cluster_script import Script


class GridEngine:
    """The programs qsub, qstat, qdel and qacct.

    Args:
        log: log of the call, which begins the name of all its jobs
    """

    title = "Grid Engine"
    # Of a task, in its shell; "undefined", which counts as 0, of a single job.
    index = "SGE_TASK_ID"
    requeue = "qmod -rj $JOB_ID.$SGE_TASK_ID"
    each_node = ()

    def __init__(self, log: str):
        self.name = f"a_{job_name(log)}"
        self.trouble = ""  # what was said instead of the last answer
        self.first: dict[str, str] = {}  # a job -> the first one of its submission

    def submit(
        self, words: list[str], script: Script, offset: int, tasks: str, after: str, resumable: bool
    ) -> str:
        """Submit an array; return the ID of its job, the first one if the numbers have gaps.

        Args:
            words: qsub with options
            script: what it runs
            offset: what is added to the indices of tasks
            tasks: these indices, as "1-3,7", perhaps with "%" and how many run at once
            after: ID of a job that must have ended before; empty = none
            resumable: whether the job may run again
        """
        ranges, _, at_once = tasks.partition("%")
        name = f"{self.name}.{script.comment(offset).replace(':', '.')}"
        output = script.output_pattern(offset, "$TASK_ID").replace("%%", "%")
        path = str(script.write(offset, self.index))
        jobs: list[str] = []
        for part in ranges.split(","):
            array = [] if part == "0" else ["-t", part]
            array += ["-tc", at_once] if at_once and array else []
            holds = [job for job, first in self.first.items() if first == after]
            command = [*words, "-N", name, "-r", "y" if resumable else "n", *array]
            command += ["-o", output if array else output.replace("$TASK_ID", "0")]
            command += ["-hold_jid", ",".join(holds)] if after else []
            done = _run([*command, path])
            found = re.search(r"\d+", done.stdout)
            if done.returncode or not found:
                answer = " ".join((done.stderr or done.stdout).split())
                raise UsageError(f"{shlex.join([*command, path])}: {answer}")
            jobs.append(found[0])
            self.first[found[0]] = jobs[0]
        return jobs[0]

    def tasks(self) -> list[Task] | None:
        """Return the living tasks of this name; None = nobody answers."""
        done = _run(["qstat", "-xml", "-u", getpass.getuser()])
        self.trouble = " ".join(done.stderr.split())
        try:
            jobs = [] if done.returncode else ElementTree.fromstring(done.stdout).iter("job_list")
        except ElementTree.ParseError:
            return None
        if done.returncode:
            return None
        return [task for job in jobs for task in self._tasks_of(job)]

    def _tasks_of(self, job: ElementTree.Element) -> list[Task]:
        """Return the tasks of an entry of the queue, if they are of this name."""
        name = job.findtext("JB_name", "")
        if not name.startswith(f"{self.name}."):
            return []
        offset, _, digest = name.removeprefix(f"{self.name}.").partition(".")
        id_ = job.findtext("JB_job_number", "")
        state = job.findtext("state", "")
        # A task in the state of error stays in the queue and never starts.
        meaning = "FAILED" if "E" in state else "PENDING" if "w" in state else "RUNNING"
        first = self.first.get(id_, id_)
        return [
            Task(first, index, f"{offset}:{digest}", meaning, f"state {state}")
            for index in _indices(job.findtext("tasks", ""))
        ]

    def cancel(self, tasks: list[Task] | None = None) -> None:
        """Cancel these tasks, or all of this name."""
        words = [f"{self.name}.*"]
        if tasks is not None:
            jobs = {job for task in tasks for job in (task.job, *self._with_first(task.job))}
            words = sorted(jobs)
        done = _run(["qdel", *words])
        if done.returncode:
            say(f"not cancelled: {done.stderr.strip()}; repeat: qdel {shlex.join(words)}")

    def _with_first(self, first: str) -> list[str]:
        return [job for job, its_first in self.first.items() if its_first == first]

    def largest_index(self) -> int | None:
        """Return the largest index of a task in an array; None = unknown."""
        return None

    def explain(self, job: str, index: int, task: Task | None, output: Path) -> str:
        """Return why Grid Engine ended a task, in one line; empty if it did not.

        Args:
            job: ID of the array
            index: number within the array
            task: what the queue says; None = no longer anything
            output: the file of Grid Engine's messages
        """
        where = f"Grid Engine ended task {job}.{index}"
        if task and not task.lives:
            return f"task {job}.{index} cannot start ({task.reason}): see qstat -j {job}"
        for number in self._with_first(job) or [job]:
            facts = _accounted(number, index)
            if not facts:
                continue
            if "resource" in facts.get("deleted_by", "") or facts.get("exit_status") == "137":
                return f"{where} (killed): it reached a limit of time or memory; ask for more"
            if facts.get("failed", "0").split()[0] != "0":
                return f"{where} (failed: {facts['failed']}); see {output}"
            return ""
        last = lines_of(output)[-1:]
        said = f", which ends: {last[0]}" if last else ""
        return f"task {job}.{index} left the queue without a result; see {output}{said}"


def _indices(text: str) -> list[int]:
    """Return the numbers in "3", "2-9:1" or "1,4-6:1"; [0] of a single job."""
    numbers: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, rest = part.partition("-")
        last, _, step = rest.partition(":")
        numbers += range(int(first), int(last or first) + 1, int(step or 1))
    return numbers or [0]


def _accounted(job: str, index: int) -> dict[str, str]:
    """Return the facts of a task in Grid Engine's accounting; {} if there are none."""
    try:
        done = _run(["qacct", "-j", job, *(["-t", str(index)] if index else [])])
    except UsageError:
        return {}
    pairs = (line.split(None, 1) for line in done.stdout.splitlines())
    return {} if done.returncode else {p[0]: p[1].strip() for p in pairs if len(p) == 2}


def _run(words: list[str]) -> subprocess.CompletedProcess[str]:
    return run_program(words, "Grid Engine")
