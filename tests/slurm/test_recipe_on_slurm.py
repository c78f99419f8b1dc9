"""egs/mini as jobs of a real Slurm, from the corpus to the scores, and what ends its jobs."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from recipes.copies import copy_recipe, use_this_python
from slurm.queued import LONG, next_line, queue, text, wait_for

from asda.corpus.datadir import read_table
from asda.features.archive import ArchiveReader

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


def take_all_nodes():
    words = ["sbatch", "-p", "high", "-N2", "-n2", "-c2", "--wrap=true", "--output=/dev/null"]
    subprocess.run(words, check=True, capture_output=True)


def let_audio_wait():
    """Let jobs read audio once a file `go` exists; a file `reading` tells that one would."""
    in_jobs = 'while [ -n "$SLURM_JOB_ID" ] && touch reading && ! [ -e go ]'
    wait = f"{in_jobs}; do sleep 0.1; done; cat"
    for path in Path("data").glob("*/wav.scp"):
        fields = [line.split(None, 1) for line in path.read_text().splitlines()]
        path.write_text("".join(f"{name} {wait} {audio} |\n" for name, audio in fields))


def features(dump):
    """Return utterance -> its features and their moments."""
    reader, moments = ArchiveReader(), read_table(f"{dump}/utt2moments")
    stored = read_table(f"{dump}/feats.scp")
    return {name: (reader.read(place).tobytes(), moments[name]) for name, place in stored.items()}


def test_a_killed_recipe_goes_on_from_its_dump_to_the_scores(mini):
    """The tasks that it left running are cancelled before the dump is planned again."""
    succeeded(mini("data", "data"))
    let_audio_wait()
    killed = mini("dump", "score")
    wait_for(Path("reading").exists)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    left = queue()
    assert left and all(line.endswith("|RUNNING") for line in left)
    again = mini("dump", "score")
    wait_for(lambda: not queue())
    Path("go").touch()
    assert f"cancelling {len(left)} tasks that an earlier call has left" in succeeded(again)
    command = ["utils/dump_fbank.sh", "--nj", "1", "--fbank-config", "conf/fbank.yaml", "alone"]
    subprocess.run([*command, *Path("data").glob("*/")], check=True, capture_output=True)
    assert features("dump/fbank") == features("alone")
    result = json.loads(Path("exp/finetune_b/score/result.json").read_text())
    assert result["clips"]["found"] == 10
    assert "# Ended (code 0) " in text(Path("exp/pretrain_a/job.log"))
    wait_for(lambda: not queue())


def test_what_goes_on_when_only_run_sh_is_killed_is_waited_for(mini):
    succeeded(mini("data", "data"))
    let_audio_wait()
    killed = mini("dump", "dump")
    wait_for(Path("reading").exists)
    killed.kill()
    again = mini("dump", "dump")
    wait_for(lambda: "another dump writes to this folder" in next_line(again))
    jobs = {line.split("|")[0] for line in queue()}
    Path("go").touch()
    succeeded(again)
    killed.communicate(timeout=LONG)
    assert {line.split("|")[0] for line in queue()} <= jobs
    logs = [path.read_text() for path in Path("dump/fbank/log").glob("dump.*.log")]
    assert logs and all(log.count("# Started at ") == 1 for log in logs)
    assert len(read_table("dump/fbank/feats.scp")) == 40


def test_a_training_whose_call_was_killed_is_waited_for_through_a_preemption(mini):
    succeeded(mini("data", "dump"))
    rules = ["mem=* --mem $0", "num_threads=* --cpus-per-task $0", "gpu=0"]
    lines = ["command sbatch --partition low", *(f"option {rule}" for rule in rules)]
    Path("conf/slurm.conf").write_text("\n".join([*lines, ""]))
    killed = mini("pretrain", "pretrain", updates=100)
    wait_for(Path("exp/pretrain_a/checkpoint.pt").exists)
    (job,) = queue("%F_%K")
    # The training stops here, until Slurm asks it to end.
    subprocess.run(["scancel", "--signal=STOP", job], check=True)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    again = mini("pretrain", "pretrain", updates=100)
    wait_for(lambda: f"has submitted: tasks {job}\n" in next_line(again))
    take_all_nodes()
    succeeded(again)
    log = text(Path("exp/pretrain_a/job.log"))
    places = [log.find(said) for said in ("training begins", "(code 143)", "resuming after update")]
    assert -1 < places[0] < places[1] < places[2], log
    assert Path("exp/pretrain_a/model.pt").exists()


def test_a_preempted_job_that_may_not_come_back_is_named_with_the_reason(slurm_pl, place):
    (place / "low.conf").write_text("command sbatch --partition graceless --no-requeue\n")
    process = slurm_pl.start("--config", "low.conf", "x.log", "eval", "echo begun; sleep 600")
    wait_for(lambda: "begun" in text(place / "x.log"))
    take_all_nodes()
    _, err = process.communicate(timeout=LONG)
    assert process.returncode == 1
    assert " (PREEMPTED): another job took its place; repeat the call; " in err.splitlines()[0]
