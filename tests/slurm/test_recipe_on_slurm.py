"""egs/mini as jobs of a real Slurm, from the corpus to the scores, and what ends its jobs."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from recipes.copies import copy_recipe, use_this_python
from slurm.queued import LONG, queue, text, wait_for

pytestmark = pytest.mark.slow

TINY = "--model.depth 1 --model.width 16 --model.heads 2 --model.decoder.groups 4"
SMALL = "--training.threads 1 --data.batch_size 4 --training.log_every 1 --training.save_every 10"
WHOLE = 6 * LONG  # seconds for a call of run.sh


@pytest.fixture
def mini(repository, place, monkeypatch):
    """A function that starts run.sh of a copy of egs/mini; its jobs fit on the nodes."""
    use_this_python(monkeypatch)
    monkeypatch.setenv("cmd_backend", "slurm")
    monkeypatch.chdir(copy_recipe(repository, "mini", place))
    clips = ["--train", "20", "--valid", "10", "--test", "10"]
    subprocess.run(["local/synthesize.py", "corpus", *clips], check=True, capture_output=True)

    def start(first, last, updates=2):
        length = f"{SMALL} --training.updates {updates}"
        command = ["./run.sh", "--db-dir", "corpus", "--stage", first, "--stop-stage", last]
        command += ["--nj", "2", "--ngpu", "0", "--mem-per-gpu", "3", "--baseline", "false"]
        command += ["--pretrain-tag", "a", "--finetune-tag", "b"]
        command += ["--pretrain-args", f"{length} {TINY} --model.num_masks 2"]
        command += ["--finetune-args", f"{length} --training.evaluate_every 1"]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        )

    return start


def succeeded(process):
    """Wait for a call of run.sh; return what it said."""
    out, err = process.communicate(timeout=WHOLE)
    assert process.returncode == 0, out + err
    return out + err


def let_nodes(state):
    words = ["scontrol", "update", "NodeName=n1,n2", f"State={state}", "Reason=test"]
    subprocess.run(words, check=True, capture_output=True)


def take_all_nodes():
    words = ["sbatch", "-p", "high", "-N2", "-n2", "-c2", "--wrap=true", "--output=/dev/null"]
    subprocess.run(words, check=True, capture_output=True)


def test_a_killed_recipe_goes_on_from_its_dump_to_the_scores(mini):
    """The tasks that it left are cancelled before the dump is planned again."""
    let_nodes("DRAIN")  # so that tasks wait
    try:
        killed = mini("data", "score")
        wait_for(lambda: len(queue()) == 2)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.communicate()
    finally:
        let_nodes("RESUME")
    assert len(queue()) == 2
    said = succeeded(mini("dump", "score"))
    assert "cancelling 2 tasks that an earlier call has left" in said
    result = json.loads(Path("exp/finetune_b/score/result.json").read_text())
    assert result["clips"]["found"] == 10
    assert "# Ended (code 0) " in text(Path("exp/pretrain_a/job.log"))
    wait_for(lambda: not queue())


def test_a_training_that_is_preempted_goes_on_by_itself(mini):
    succeeded(mini("data", "dump"))
    rules = ["mem=* --mem $0", "num_threads=* --cpus-per-task $0", "gpu=0"]
    lines = ["command sbatch --partition low", *(f"option {rule}" for rule in rules)]
    Path("conf/slurm.conf").write_text("\n".join([*lines, ""]))
    process = mini("pretrain", "pretrain", updates=800)
    wait_for(Path("exp/pretrain_a/checkpoint.pt").exists)
    take_all_nodes()
    succeeded(process)
    log = text(Path("exp/pretrain_a/job.log"))
    places = [log.find(said) for said in ("training begins", "(code 143)", "resuming after update")]
    assert -1 < places[0] < places[1] < places[2], log
    assert Path("exp/pretrain_a/model.pt").exists()


def test_a_preempted_job_that_may_not_come_back_is_named_with_the_reason(slurm_pl, place):
    (place / "low.conf").write_text("command sbatch --partition low --no-requeue\n")
    process = slurm_pl.start("--config", "low.conf", "x.log", "eval", "echo begun; sleep 600")
    wait_for(lambda: "begun" in text(place / "x.log"))
    take_all_nodes()
    _, err = process.communicate(timeout=LONG)
    assert process.returncode == 1
    assert " (PREEMPTED): another job took its place; repeat the call; " in err.splitlines()[0]
