"""Jobs on a cluster: the jobs of one call, submitted as arrays of tasks and waited for."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

from cluster_config import Config
from cluster_script import Script, ranges
from earlier_jobs import await_end, living_tasks, note, noted_tasks, sole_submission
from grid_engine_scheduler import GridEngine
from job_logs import last_output, lines_of, say
from jobs import Call, UsageError, failures
from run_task import STOPPED
from scheduler_programs import Task
from slurm_scheduler import Slurm

OUR_OPTIONS = ("config", "max_jobs_run", "resume", "resumable", "chain", "num_nodes")
POLL_SECONDS = 1.0
LONGEST_POLL = 10.0  # seconds between two questions to the controller, which many may ask
LATE_SECONDS = 15.0  # after which a network file system shows what a task has written
MAY_COME_BACK = ("PREEMPTED", "NODE_FAIL", "BOOT_FAIL")
SUCCESS = "succeeded"
ASKED_TO_STOP = (
    "it was asked to stop before the end of its time; repeat the call to go on, or let several jobs"
    " follow each other with --chain N"
)


class Batch:
    """The jobs of one call.

    Args:
        call: the call
        config: what its options mean
        scheduler: who runs the jobs, under a name that all calls with one log share
    """

    def __init__(self, call: Call, config: Config, scheduler: Slurm | GridEngine):
        self.resumable = call.options.get("resumable") == "true" or "num_nodes" in call.options
        if self.resumable:
            call = replace(call, words=[*scheduler.each_node, *call.words])
        self.call, self.config, self.scheduler = call, config, scheduler
        self.chain = positive(call, "chain", 1)
        if self.chain > 1 and not self.resumable:
            raise UsageError("option --chain is for jobs with --resumable true")
        largest = scheduler.largest_index() if call.variable else None
        size = 1 + (max(call.numbers) if largest is None else largest)
        self.script = Script(call, scheduler, self.resumable, size)
        self.jobs: set[str] = set()  # IDs of those that are waited for
        self.gone: dict[int, float] = {}  # when a number was first seen without a living task
        self.said: set[str] = set()

    def run(self) -> dict[int, str]:
        """Run the unfinished jobs; return the failed ones, with the scheduler's reasons."""
        try:
            with sole_submission(self.call.log):
                done = self._settle(self.call.unfinished())
                numbers = [number for number in self.call.unfinished() if number not in done]
                self._submit(numbers)
            failed = self._wait(numbers)
        except SystemExit:
            self._cancel()
            raise
        note(self.call.log, [])
        return failed

    def _cancel(self) -> None:
        self.scheduler.cancel()
        note(self.call.log, [])

    def _settle(self, numbers: list[int]) -> set[int]:
        """Wait for living tasks of earlier calls with the same command, and cancel others.

        Tasks of a killed call that have failed, now or before, are told here: a job that runs again
        writes its log anew.

        Returns:
            the numbers of living ones that have succeeded
        """
        living, wanted = living_tasks(self.scheduler), set(numbers)
        same = [task for task in living if self.script.number(task) in wanted]
        if others := [task for task in living if task not in same]:
            say(f"cancelling what an earlier call with this log left: {_listed(others)}")
            self.scheduler.cancel(others)
        if same:
            say(f"waiting for what an earlier call has submitted: {_listed(same)}")
        waited = self._numbers(same)
        noted = [task for task in noted_tasks(self.call.log) if self.script.number(task) in wanted]
        self.jobs = {task.job for task in same + noted}
        failed = self._wait(self._numbers(same + noted))
        if failed:
            what, log = failures(self.call, failed)
            say(f"running again, since in an earlier call {what} {last_output(log)}")
        await_end(self.scheduler)
        return waited - set(failed)

    def _numbers(self, tasks: list[Task]) -> set[int]:
        """Return the numbers of the jobs that tasks run."""
        found = map(self.script.number, tasks)
        return {number for number in found if number is not None}

    def _submit(self, numbers: list[int]) -> None:
        """Submit arrays of tasks, cut where the scheduler allows no more; a chain has several."""
        options = {n: v for n, v in self.call.options.items() if n not in OUR_OPTIONS}
        words = self.config.words(options)
        if "num_nodes" in self.call.options:
            nodes = positive(self.call, "num_nodes", 1)
            words += [f"--nodes={nodes}", "--ntasks-per-node=1"]
        for number in numbers:
            self.script.exit_file(number).unlink(missing_ok=True)
            self.script.output(number).unlink(missing_ok=True)
        self.jobs, self.gone = set(), {}
        try:
            self._submit_arrays(words, numbers)
        except (UsageError, OSError):
            if self.jobs:  # no call waits for those arrays that come before the one refused
                self._cancel()
            raise

    def _submit_arrays(self, words: list[str], numbers: list[int]) -> None:
        at_once = self.call.options.get("max_jobs_run", "")
        arrays: dict[int, list[int]] = {}
        for number in numbers:
            index = number % self.script.size
            arrays.setdefault(number - index, []).append(index)
        previous = ""
        submitted: list[Task] = []
        for offset, indices in arrays.items():
            tasks = ranges(indices) + (at_once and f"%{at_once}")
            for _ in range(self.chain):
                after = previous if at_once or self.chain > 1 else ""
                previous = self.scheduler.submit(
                    words, self.script, offset, tasks, after, self.resumable
                )
                self.jobs.add(previous)
                comment = self.script.comment(offset)
                submitted += [Task(previous, index, comment) for index in indices]
                note(self.call.log, submitted)

    def _wait(self, numbers: Iterable[int]) -> dict[int, str]:
        """Wait for these jobs; return those that failed or that the scheduler ended.

        Why the scheduler has ended one is said at once.
        """
        left, failed = set(numbers), {}
        started = asked = time.monotonic()
        while left:
            time.sleep(min(POLL_SECONDS, 0.1 + (time.monotonic() - started) / 10))
            now, tasks = time.monotonic(), None
            if now - asked >= min(LONGEST_POLL, (now - started) / 20):
                tasks, asked = self._tasks(), now
            for number in sorted(left):
                outcome = self._outcome(number, tasks)
                if outcome is None:
                    continue
                left.remove(number)
                if outcome != SUCCESS:
                    failed[number] = outcome
                    if outcome and self.call.variable:
                        say(f"{self.call.variable}={number}: {outcome}")
        if self.chain > 1:
            self.scheduler.cancel([task for task in self._tasks() or [] if task.lives])
        return failed

    def _tasks(self) -> list[Task] | None:
        """Return the tasks that are waited for; None = the scheduler does not answer."""
        tasks = self.scheduler.tasks()
        if tasks is None:
            return None
        ours = [task for task in tasks if task.job in self.jobs]
        for task in ours:
            if task.is_stuck and task.reason not in self.said:
                self.said.add(task.reason)
                say(f"task {task.id} does not start for now: {task.reason}")
        return ours

    def _outcome(self, number: int, tasks: list[Task] | None) -> str | None:
        """Return SUCCESS, or why a job failed (empty: see its log); None while it may go on."""
        code = next(map(int, lines_of(self.script.exit_file(number))), None)
        if code == 0:
            return SUCCESS
        if code is not None and code not in STOPPED:
            return self._reason(number, None) if code > 128 else ""
        if tasks is None:
            return None
        own = [task for task in tasks if self.script.number(task) == number]
        if any(task.lives for task in own):
            self.gone.pop(number, None)
            return None
        last = max(own, key=lambda task: int(task.job), default=None)
        if last and last.state == "COMPLETED":
            return SUCCESS
        since = self.gone.setdefault(number, time.monotonic())
        if (
            last is None or last.state in MAY_COME_BACK
        ) and time.monotonic() - since < LATE_SECONDS:
            return None
        return self._reason(number, last) or (ASKED_TO_STOP if code in STOPPED else "")

    def _reason(self, number: int, task: Task | None) -> str:
        if task is None:
            own = [t for t in self._tasks() or [] if self.script.number(t) == number]
            task = max(own, key=lambda task: int(task.job), default=None)
        index = number % self.script.size
        job = task.job if task else max(self.jobs, key=int, default="")
        return self.scheduler.explain(job, index, task, self.script.output(number))


def positive(call: Call, name: str, default: int) -> int:
    """Return the value of an option that is a number from 1 on."""
    value = call.options.get(name, str(default))
    if not value.isdecimal() or int(value) < 1:
        raise UsageError(f"option --{name.replace('_', '-')} must be 1 or more, not {value}")
    return int(value)


def _listed(tasks: list[Task]) -> str:
    names = ", ".join(task.id for task in tasks[:3])
    return f"tasks {names} and {len(tasks) - 3} more" if len(tasks) > 3 else f"tasks {names}"
