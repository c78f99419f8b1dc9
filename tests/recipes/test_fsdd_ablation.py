"""egs/fsdd's ablation: noisy test sets, the arms' sizes, and which runs its script starts."""

import os
import shlex
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from recipes.copies import copy_recipe, run, use_this_python

from asda.command_line import run_cli
from asda.configuration import to_dict
from asda.corpus.datadir import DataDir
from asda.corpus.write import write_data_dir
from asda.files import write_json
from asda.model.encoder import Encoder
from asda.training.run_config import PretrainConfig

pytestmark = pytest.mark.slow

RATE = 8000
SETS = [f"{kind}_{level}" for kind in ("white", "babble") for level in (20, 10, 0)]
ARMS = ("asda", "eat")


def sounds(folder, lengths, seed, offset=0.0):
    """Write a data directory of modulated tones, each of another loudness, on a constant offset."""
    rng, sources = np.random.default_rng(seed), {}
    (folder / "audio").mkdir(parents=True)
    for index, length in enumerate(lengths):
        tone = np.sin(2 * np.pi * 1000 / RATE * np.arange(length)) * rng.uniform(0.02, 0.9)
        path = folder / f"audio/ann_{index}.wav"
        soundfile.write(path, tone * rng.random(length) ** 0.1 + offset, RATE, subtype="FLOAT")
        sources[path.stem] = str(path)
    tables = {"wav.scp": sources, "utt2label": {u: str(int(u[-1]) % 2) for u in sources}}
    write_data_dir(folder, tables, ["0", "1"], dict.fromkeys(sources, "ann"))
    return folder


def add_noise(repository, test, train, out):
    script = repository / "egs/fsdd/local/add_noise.py"
    return subprocess.run(
        [sys.executable, script, test, train, out], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def noisy(repository, tmp_path_factory):
    """A folder with the data directories test and train, and the noisy copies of test in noisy."""
    folder = tmp_path_factory.mktemp("noisy")
    sounds(folder / "test", [2000, 1500, 4000], seed=1, offset=0.02)
    sounds(folder / "train", [1800, 2500], seed=2)
    done = add_noise(repository, folder / "test", folder / "train", folder / "noisy")
    assert done.returncode == 0, done.stderr
    return folder


def samples(path):
    waveform, rate = soundfile.read(path)
    assert rate == RATE
    return waveform - waveform.mean()


def noise_of(folder, name, utterance):
    """Return the clean clip and the noise that a noisy copy adds to it."""
    clean = samples(folder / f"test/audio/{utterance}.wav")
    mixture = samples(DataDir(folder / "noisy" / name).table("wav.scp")[f"{utterance}_{name}"])
    return clean, mixture - clean


@pytest.mark.parametrize("name", SETS)
def test_the_ratio_of_the_powers_is_exact(noisy, name):
    for utterance in ("ann_0", "ann_1", "ann_2"):
        clean, noise = noise_of(noisy, name, utterance)
        ratio = 10 * np.log10(np.var(clean) / np.var(noise))
        assert ratio == pytest.approx(int(name.split("_")[1]), abs=0.01)


@pytest.mark.parametrize("kind", ["white", "babble"])
def test_a_clip_has_the_same_noise_at_every_level(noisy, kind):
    for utterance in ("ann_0", "ann_2"):
        quiet, loud = (noise_of(noisy, f"{kind}_{level}", utterance)[1] for level in (20, 0))
        assert np.abs(10 * quiet - loud).max() < 1e-4
    shortest = 1500
    others = [noise_of(noisy, f"{kind}_0", u)[1][:shortest] for u in ("ann_0", "ann_1")]
    assert abs(np.corrcoef(others)[0, 1]) < 0.95


def test_white_noise_is_white_and_babble_is_made_of_the_training_sounds(noisy):
    shares = {}
    for kind in ("white", "babble"):
        power = np.abs(np.fft.rfft(noise_of(noisy, f"{kind}_0", "ann_2")[1])) ** 2
        near = np.abs(np.fft.rfftfreq(4000, 1 / RATE) - 1000) < 50
        shares[kind] = power[near].sum() / power.sum()
    assert shares["white"] == pytest.approx(100 / 4000, abs=0.02)
    assert shares["babble"] > 0.8


def test_the_same_call_makes_the_same_files(repository, noisy, tmp_path):
    """Also for a clip alone: its noise does not depend on the others."""
    sounds(tmp_path / "test", [2000], seed=1, offset=0.02)
    done = add_noise(repository, tmp_path / "test", noisy / "train", tmp_path / "noisy")
    assert done.returncode == 0, done.stderr
    for name in SETS:
        first, again = (f / f"noisy/wav/{name}/ann_0.wav" for f in (noisy, tmp_path))
        assert first.read_bytes() == again.read_bytes(), name


def test_noisy_sets_are_data_directories_with_the_labels_and_speakers(repository, noisy):
    for name in SETS:
        done = run(
            *(repository / "utils/validate_data_dir.sh", "--no-feats", "--check-audio", 3),
            noisy / "noisy" / name,
            cwd=noisy,
        )
        assert done.returncode == 0, done.stderr
        directory = DataDir(noisy / "noisy" / name)
        assert directory.labels == ["0", "1"]
        assert directory.utt2label == {f"ann_{i}_{name}": [str(i % 2)] for i in range(3)}
        assert set(directory.table("utt2spk").values()) == {"ann"}


def test_a_stopped_call_goes_on_and_leaves_nothing_half_made(repository, noisy, tmp_path):
    test = sounds(tmp_path / "test", [2000, 2000], seed=1)
    broken = tmp_path / "test/audio/ann_1.wav"
    whole = broken.read_bytes()
    broken.write_bytes(b"RIFF")
    out = tmp_path / "noisy"
    done = add_noise(repository, test, noisy / "train", out)
    assert done.returncode == 1
    assert done.stderr.startswith(f"add_noise.py: error: {broken}: ")
    assert done.stderr.count("\n") == 1
    assert [path.name for path in out.glob("*")] == ["wav"]
    assert not list(out.glob("wav/*"))
    broken.write_bytes(whole)
    assert add_noise(repository, test, noisy / "train", out).returncode == 0
    audio = out / "wav/white_20/ann_0.wav"
    time = audio.stat().st_mtime_ns
    assert add_noise(repository, test, noisy / "train", out).returncode == 0
    assert audio.stat().st_mtime_ns == time
    assert not list(out.glob("wav/.*"))


def arms_of(repository):
    """Return arm -> options of asda pretrain, of conf/ablation_arms."""
    lines = (repository / "egs/fsdd/conf/ablation_arms").read_text(encoding="utf-8").splitlines()
    arms = [shlex.split(line) for line in lines if not line.startswith("#")]
    return {name: options for name, *options in arms}


@pytest.fixture(scope="module")
def runs(repository):
    """The pretraining of each arm."""
    config = str(repository / "egs/fsdd/conf/pretrain.yaml")
    base = ["--config", config, "--train", "train", "--exp", "exp"]
    return {
        arm: run_cli(PretrainConfig, [*base, *options], "asda pretrain")
        for arm, options in arms_of(repository).items()
    }


@pytest.fixture(scope="module")
def models(runs):
    """The model of each arm, as its pretraining resolves it."""
    return {arm: run.model.resolved() for arm, run in runs.items()}


def parameters(model):
    return sum(parameter.numel() for parameter in Encoder(model).parameters())


def test_arms_have_asda_s_size(models):
    asda, hidden_unit = parameters(models["asda"]), 2 * models["asda"].width + 1
    one_each = hidden_unit * models["asda"].depth
    sizes = {arm: parameters(model) for arm, model in models.items()}
    assert asda - sizes.pop("eat") > 60 * one_each
    assert abs(asda - sizes.pop("eat_wide")) <= one_each / 2  # no other ratio comes closer
    assert abs(asda - sizes.pop("lambda_learned")) < 0.0005 * asda
    width, heads, depth = models["asda"].width, models["asda"].heads, models["asda"].depth
    norm = 2 * width  # which differential attention has after its heads
    product = width**2 + width
    assert asda - sizes.pop("gated") == depth * (product + norm)
    assert asda - sizes.pop("diff_v2") == depth * (product + norm - heads * width)
    assert asda - sizes.pop("bat") == depth * (product + norm) - 64 * one_each
    assert set(sizes.values()) == {asda}


def test_arms_differ_from_asda_in_what_they_are_named_after(models):
    asda = models["asda"]
    assert (asda.attention.kind, asda.attention.lambda_init) == ("differential", 0.1)
    assert (asda.mlp_ratio, asda.cls_weight) == (3.5, 1)
    assert {models[arm].attention.kind for arm in ("eat", "eat_wide")} == {"standard"}
    assert models["eat"].mlp_ratio == 4
    assert models["lambda_0"].attention.lambda_init == 0
    assert models["lambda_0.3"].attention.lambda_init == 0.3
    learned = models["lambda_learned"].attention
    assert (learned.learn_lambda, learned.lambda_init, learned.norm) == (True, None, "head_rms")
    assert [models[arm].attention.kind for arm in ("gated", "diff_v2")] == ["gated", "diff_v2"]
    assert models["vit_decoder"].decoder.kind == "vit"
    assert models["block_targets"].target_output == "block"
    assert [models[f"cls_weight_{weight}"].cls_weight for weight in ("0", "0.5")] == [0, 0.5]


def test_bat_has_what_its_arms_have_one_by_one(runs):
    """Each differs from asda in its own setting alone, and bat in all of them and the MLP ratio."""
    settings = {arm: flat(to_dict(run)) for arm, run in runs.items()}
    changed = {
        arm: {key: value for key, value in values.items() if value != settings["asda"][key]}
        for arm, values in settings.items()
    }
    one = {
        "gated": {"model.attention.kind": "gated"},
        "diff_v2": {"model.attention.kind": "diff_v2"},
        "vit_decoder": {"model.decoder.kind": "vit"},
        "block_targets": {"model.target_output": "block"},
        "clip_range": {"data.norm": "clip"},
    }
    assert {arm: changed[arm] for arm in one} == one
    together = {key: value for arm in one if arm != "diff_v2" for key, value in one[arm].items()}
    assert changed["bat"] == together | {"model.mlp_ratio": 4}


def flat(values, prefix=""):
    """Settings by their whole keys."""
    found = {}
    for key, value in values.items():
        nested = isinstance(value, dict)
        found |= flat(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return found


STUB = """#!/usr/bin/env bash
# an asda that notes its calls and makes the files that scripts look for
echo "$*" >>"$CALLS"
out=$(sed -nE 's/.* --(exp|out) ([^ ]+).*/\\2/p' <<<"$*")
case "$1 $2" in
  "dump plan") echo 0 ;;
  "dump finish") mkdir -p dump/fbank; touch dump/fbank/feats.scp ;;
  "finetune "* | "pretrain "*) mkdir -p "$out"; [ -e "$out/model.pt" ] || touch "$out/model.pt" ;;
  "score "*) mkdir -p "$out"; touch "$out/result.json" ;;
  "results table") echo "| table |" >"$out" ;;
esac
"""


@pytest.fixture
def recipe(repository, noisy, tmp_path, monkeypatch):
    """A copy of the recipe with an asda that only notes its calls, and two arms."""
    use_this_python(monkeypatch)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/asda").write_text(STUB)
    (tmp_path / "bin/asda").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    recipe = copy_recipe(repository, "fsdd", tmp_path)
    (recipe / "conf/ablation_arms").write_text("# arms\nasda\neat --model.mlp_ratio 4\n")
    (recipe / "local/plot_ablation.py").write_text('#!/bin/sh\necho plot "$@" >>"$CALLS"\n')
    (recipe / "data/unseen/fold1").mkdir(parents=True)
    for name in ("test", "train"):
        (recipe / "data/unseen/fold1" / name).symlink_to(noisy / name)
    return recipe


def calls_of_ablation(recipe):
    """Run ablation.sh; return the calls of asda by their first words, and that of the plot."""
    done = run(
        *(recipe / "ablation.sh", "--nj", 2, "--seeds", "4 7"),
        *("--pretrain-updates", 3, "--finetune-updates", 5),
        cwd=recipe,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    path = os.environ["CALLS"]
    with open(path) as stream:
        calls = [line.split() for line in stream]
    os.remove(path)
    return {
        verb: [call for call in calls if call[0] == verb]
        for verb in ("pretrain", "finetune", "score", "results", "plot")
    }


def options_of(call):
    return dict(zip(call[1::2], call[2::2], strict=True))


def test_each_arm_runs_with_each_seed_and_is_scored_clean_and_in_noise(recipe):
    calls = calls_of_ablation(recipe)
    pretrained = {options["--exp"]: options for options in map(options_of, calls["pretrain"])}
    finetuned = {options["--exp"]: options for options in map(options_of, calls["finetune"])}
    exp = "exp/ablation"
    assert sorted(pretrained) == [f"{exp}/seed{s}/pretrain_{a}" for s in "47" for a in ARMS]
    for path, options in pretrained.items():
        assert options["--train"] == "data/unseen/fold1/train"
        assert options["--training.seed"] == path[len(exp) + 5]
        assert options["--training.updates"] == "3"
        assert options.get("--model.mlp_ratio") == ("4" if path.endswith("eat") else None)
    assert len(finetuned) == 6
    for path, options in finetuned.items():
        seed, arm = path[len(exp) + 5], path.rpartition("finetune_")[2]
        start = "asda" if arm == "cls_pooling" else arm
        assert options["--init"] == f"{exp}/seed{seed}/pretrain_{start}/model.pt"
        assert (options["--training.seed"], options["--training.updates"]) == (seed, "5")
        assert options.get("--classifier.pooling") == ("cls" if arm == "cls_pooling" else None)
    scored = {options["--out"]: options["--data"] for options in map(options_of, calls["score"])}
    data = {"unseen_fold1_test": "data/unseen/fold1/test"}
    data |= {f"noisy_{name}": f"data/noisy/{name}" for name in SETS}
    assert scored == {f"{path}/score_{n}": d for path in finetuned for n, d in data.items()}

    table = next(call for call in calls["results"] if call[1] == "table")
    assert table[2] == f"{exp}/{{run}}/finetune_{{row}}/score_{{column}}"
    words = " ".join(table)
    assert "--rows asda eat cls_pooling --runs seed4 seed7 --columns" in words
    assert all(f"=noisy_{name}" in words for name in SETS)
    assert (recipe / exp / "table.md").read_text() == "| table |\n"
    plot = " ".join(calls["plot"][0])
    assert plot == f"plot {exp} --arms asda eat cls_pooling --runs seed4 seed7"

    again = calls_of_ablation(recipe)
    assert again["score"] == []
    (recipe / exp / "seed7/finetune_eat/model.pt").write_text("another")
    again = calls_of_ablation(recipe)
    assert len(again["score"]) == len(data)


def test_the_plot_needs_all_scores_and_draws_them(repository, tmp_path):
    sets = ["unseen_fold1_test", *(f"noisy_{name}" for name in SETS)]
    result = {"metric": "accuracy", "metrics": {"accuracy": {"value": 0.5}}, "clips": {}}
    result |= {"provenance": {}, "environment": {}}
    folders = [
        tmp_path / seed / f"finetune_{arm}/score_{name}"
        for seed in ("seed1", "seed2")
        for arm in ARMS
        for name in sets
    ]
    for folder in folders:
        write_json(folder / "result.json", result)
    script = repository / "egs/fsdd/local/plot_ablation.py"
    command = [sys.executable, script, tmp_path, "--arms", *ARMS, "--runs", "seed1", "seed2"]
    done = run(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "noise.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "noise.png").unlink()
    (folders[-1] / "result.json").unlink()
    done = run(*command, cwd=tmp_path)
    assert done.returncode == 1
    assert "score the model first" in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "noise.png").exists()
