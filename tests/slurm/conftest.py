"""A real Slurm on this machine, and folders from which jobs are submitted."""

import os
import shutil
import subprocess

import pytest
from slurm.queued import LONG


@pytest.fixture(scope="session")
def slurm(repository):
    """Start the cluster; set SLURM_CONF."""
    script = repository / "tests/slurm/cluster.sh"
    if os.getuid() != 0 or not all(map(shutil.which, ("slurmctld", "slurmd", "munged"))):
        pytest.skip("needs root and Slurm: tests/slurm/cluster.sh install")
    subprocess.run([script, "stop"], check=True, capture_output=True)
    started = subprocess.run([script, "start"], capture_output=True, text=True)
    if started.returncode:
        subprocess.run([script, "stop"], capture_output=True)
        pytest.skip(f"Slurm does not start here: {started.stderr.strip()[-300:]}")
    config = subprocess.run([script, "config"], capture_output=True, text=True).stdout.strip()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", config)
        yield script
    subprocess.run([script, "stop"], check=True, capture_output=True)


@pytest.fixture
def place(slurm, tmp_path, monkeypatch):
    """A folder to work in, after which no job is left."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    subprocess.run(["scancel", "-u", str(os.getuid())])


@pytest.fixture
def slurm_pl(repository, place):
    """Call slurm.pl: (words) -> finished process; its `start` leaves it running."""

    def begin(*words, **options):
        command = [repository / "utils/slurm.pl", *map(str, words)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, **options)

    def call(*words, **options):
        process = begin(*words, **options)
        out, err = process.communicate(timeout=LONG)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    call.start = begin
    return call
