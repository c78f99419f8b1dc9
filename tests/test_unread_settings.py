"""A value of a setting that nothing reads is refused in one line; defaults and recipes pass."""

import re
import shlex
from dataclasses import dataclass, field

import pytest

from asda.cli import main
from asda.command_line import run_cli
from asda.configuration import build
from asda.files import InputError
from asda.probing.probe_config import ProbeConfig
from asda.scoring.score_config import BaselineConfig, ScoreConfig
from asda.training.ctc_config import CtcConfig
from asda.training.run_config import FinetuneConfig, PretrainConfig
from asda.unread_settings import effective, not_with, only_with, refuse_unread, unread

PRETRAIN = {"train": "data/train", "exp": "exp"}
CORPORA = {"exp": "exp", "corpora": {"a": {"train": "a"}, "b": {"train": "b"}}}
SHARED = {"exp": "exp", "corpora": {"a": {"train": "a", "share": 1}}}
CTC = PRETRAIN | {"units": "units"}
SCORE = {"model": "m.pt", "data": "data/test", "out": "score"}
BASELINE = {"train": "data/train", "test": "data/test", "out": "score"}
PROBE = {"model": "m.pt", "train": "data/train", "test": "data/test", "out": "exp"}


def nested(settings):
    """Return settings with dotted keys as nested dicts."""
    content = {}
    for key, value in settings.items():
        *above, name = key.split(".")
        place = content
        for part in above:
            place = place.setdefault(part, {})
        place[name] = value
    return content


def built(kind, content, **settings):
    return build(kind, content | nested(settings), "c.yaml")


@pytest.mark.parametrize(
    ("kind", "content", "settings", "said"),
    [
        (
            PretrainConfig,
            PRETRAIN,
            {"model.attention.lambda_init": 0.2, "model.attention.kind": "gated"},
            "model.attention.lambda_init 0.2 has no effect with model.attention.kind gated, only"
            " with differential; leave it out (default: 0.1)",
        ),
        (
            PretrainConfig,
            PRETRAIN,
            {"model.attention.learn_lambda": True, "model.attention.kind": "diff_v2"},
            "model.attention.learn_lambda true has no effect with model.attention.kind diff_v2,",
        ),
        (
            PretrainConfig,
            PRETRAIN,
            {"model.decoder.kernel": 5, "model.decoder.kind": "vit"},
            "model.decoder.kernel 5 has no effect with model.decoder.kind vit, only with"
            " convolution; leave it out (default: null)",
        ),
        (
            PretrainConfig,
            PRETRAIN,
            {"model.decoder.heads": 4},
            "model.decoder.heads 4 has no effect with model.decoder.kind convolution,",
        ),
        (
            PretrainConfig,
            PRETRAIN,
            {"model.mask.block_time": 2, "model.mask.sampler": "random"},
            "model.mask.block_time 2 has no effect with model.mask.sampler random,",
        ),
        (
            PretrainConfig,
            PRETRAIN,
            {"model.cls_reduction": "sum", "model.cls_weight": 0.0},
            "model.cls_reduction sum has no effect with model.cls_weight 0.0; leave it out",
        ),
        (
            PretrainConfig,
            PRETRAIN,
            {"optimizer.layer_decay": 0.9},
            "optimizer.layer_decay 0.9 has no effect with command pretrain, only with finetune or"
            " finetune-ctc; leave it out (default: 1.0)",
        ),
        (
            PretrainConfig,
            PRETRAIN,
            {"share_temperature": 0.5},
            "share_temperature 0.5 has no effect with shares of one corpus, only with by size;",
        ),
        (
            PretrainConfig,
            SHARED,
            {"share_temperature": 0.5},
            "share_temperature 0.5 has no effect with shares given, only with by size;",
        ),
        (
            PretrainConfig,
            PRETRAIN,
            {"data.max_bad": 0.5},
            "data.max_bad 0.5 has no effect with fbank null; leave it out (default: 0.05)",
        ),
        (
            PretrainConfig,
            PRETRAIN,
            {"dump": "dump", "fbank": "fbank.yaml"},
            "dump dump has no effect with fbank fbank.yaml, only with null;",
        ),
        (
            PretrainConfig,
            {"exp": "exp", "corpora": {"a": {"train": "a", "dump": "d", "fbank": "f.yaml"}}},
            {},
            "corpora.a.dump d has no effect with corpora.a.fbank f.yaml, only with null;",
        ),
        (
            FinetuneConfig,
            PRETRAIN,
            {"augment.time_masks": 2},
            "augment.time_masks 2 has no effect with augment.time_mask 0.0; leave it out",
        ),
        (
            FinetuneConfig,
            PRETRAIN,
            {"optimizer.decay_embeddings": False},
            "optimizer.decay_embeddings false has no effect with optimizer.layer_decay 1.0;",
        ),
        (
            FinetuneConfig,
            PRETRAIN,
            {"training.snapshots": 3, "training.final": "best"},
            "training.snapshots 3 has no effect with training.final best, only with average;",
        ),
        (
            FinetuneConfig,
            PRETRAIN,
            {"classifier.loss": "cross_entropy", "classifier.loss_reduction": "labels"},
            "classifier.loss_reduction labels has no effect with classifier.loss cross_entropy,",
        ),
        (
            CtcConfig,
            CTC,
            {"data.batch_frames": 2000, "data.group_by_length": False},
            "data.group_by_length false has no effect with data.batch_frames 2000, only with null;",
        ),
        (
            ScoreConfig,
            SCORE,
            {"decoding.beam": 8},
            "decoding.beam 8 has no effect with decoding.method greedy, only with beam;",
        ),
        (
            ScoreConfig,
            SCORE,
            {"decoding.method": "beam", "decoding.lm_weight": 0.3},
            "decoding.lm_weight 0.3 has no effect with decoding.lm null; leave it out",
        ),
        (ScoreConfig, SCORE, {"max_bad": 0.5}, "max_bad 0.5 has no effect with fbank null;"),
        (
            BaselineConfig,
            BASELINE,
            {"dump": "dump", "fbank": "f.yaml"},
            "dump dump has no effect with fbank f.yaml, only with null;",
        ),
        (
            ProbeConfig,
            PROBE,
            {"kinds": "linear,knn", "prototypes": 5},
            "prototypes 5 has no effect with kinds linear,knn, only with prototype;",
        ),
        (
            ProbeConfig,
            PROBE,
            {"kinds": "attentive", "pooling": "cls"},
            "pooling cls has no effect with kinds attentive, only with linear or knn;",
        ),
        (ProbeConfig, PROBE, {"draws": 3}, "draws 3 has no effect with label_counts all;"),
    ],
)
def test_a_value_that_nothing_reads_is_refused(kind, content, settings, said):
    with pytest.raises(InputError, match=f"^{re.escape(said)}"):
        refuse_unread(built(kind, content, **settings))


@pytest.mark.parametrize(
    ("kind", "content", "settings"),
    [
        (PretrainConfig, PRETRAIN, {}),
        (PretrainConfig, PRETRAIN, {"model.decoder.kind": "vit", "model.decoder.heads": 4}),
        (PretrainConfig, PRETRAIN, {"model.decoder.kind": "vit", "model.decoder.mask_noise": 0}),
        (PretrainConfig, PRETRAIN, {"model.attention.lambda_init": 0.2}),
        (
            PretrainConfig,
            PRETRAIN,
            {"model.attention.kind": "gated", "model.attention.bias": False},
        ),
        (PretrainConfig, CORPORA, {"share_temperature": 0.5, "data.max_bad": 0.5}),
        (FinetuneConfig, PRETRAIN, {"optimizer.layer_decay": 0.9, "classifier.drop_path": 0.0}),
        (FinetuneConfig, PRETRAIN, {"augment.mixup_alpha": 0.5, "augment.mixup_probability": 0.5}),
        (FinetuneConfig, PRETRAIN, {"fbank": "f.yaml", "data.max_bad": 0.5}),
        (CtcConfig, CTC, {"optimizer.layer_decay": 0.9}),
        (ScoreConfig, SCORE, {"decoding.method": "beam", "decoding.beam": 8}),
        (ProbeConfig, PROBE, {"kinds": "linear prototype", "prototypes": 5, "pooling": "mean"}),
    ],
)
def test_what_is_read_passes(kind, content, settings):
    refuse_unread(built(kind, content, **settings))


def test_options_of_a_command_are_checked(capsys):
    with pytest.raises(SystemExit):
        main(["score", *(f"--{key}={value}" for key, value in SCORE.items()), "--decoding.beam=8"])
    assert "decoding.beam 8 has no effect with decoding.method greedy" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["transcribe", "m.pt", "a.wav", "--lm-weight", "0.3"])
    assert "lm_weight 0.3 has no effect with lm null" in capsys.readouterr().err


def test_all_recipes_and_presets_pass(repository):
    kinds = {"pretrain": PretrainConfig, "finetune": FinetuneConfig, "ctc": CtcConfig}
    kinds["adapt"] = PretrainConfig
    checked = 0
    for path in sorted(repository.glob("egs/*/conf/*.yaml")) + sorted(
        repository.glob("egs/presets/*")
    ):
        kind = kinds.get(path.stem.partition("_")[0])
        if kind is None:
            continue
        options = [f"--config={path}", "--train=data/train", "--exp=exp"]
        config = run_cli(kind, options + ["--units=u"] * (kind is CtcConfig), "asda")
        refuse_unread(config)
        checked += 1
    assert checked > 30
    arms = (repository / "egs/fsdd/conf/ablation_arms").read_text(encoding="utf-8")
    for line in filter(None, (line for line in arms.splitlines() if line[:1] != "#")):
        path = repository / "egs/fsdd/conf/pretrain.yaml"
        options = [f"--config={path}", "--train=data/train", "--exp=exp", *shlex.split(line)[1:]]
        refuse_unread(run_cli(PretrainConfig, options, "asda"))


@dataclass
class Inner:
    size: int = only_with(3, colour="red", shape=("round", "square"))
    weight: float = not_with(1.0, mode=None, absent=5)


@dataclass
class Outer:
    colour: str = "red"
    shape: str = "round"
    mode: str | None = None
    inner: Inner = field(default_factory=Inner)
    parts: dict[str, Inner] = field(default_factory=dict)


@dataclass(kw_only=True)
class Narrower(Inner):
    size: int


def keys(config):
    return [key for key, _, _ in unread(config)]


def test_conditions_name_what_is_around_the_dataclass():
    assert keys(Outer(mode="fast")) == []
    assert keys(Outer()) == ["inner.weight"]
    assert keys(Outer("blue", mode="fast")) == ["inner.size"]
    assert keys(Outer(shape="flat", mode="fast", parts={"a": Inner()})) == [
        "inner.size",
        "parts.a.size",
    ]
    assert keys(Inner()) == []  # nothing tells


def test_a_subclass_inherits_the_condition_of_a_setting_that_it_narrows():
    config = Outer("blue", mode="fast", inner=Narrower(size=7))
    assert keys(config) == ["inner.size"]
    assert effective(config) == Outer("blue", mode="fast", inner=Narrower(size=3))
    with pytest.raises(
        InputError, match=r"inner\.size 7 has no effect with colour blue, only with red"
    ):
        refuse_unread(config)


def test_open_values_that_were_decided_are_not_refused():
    config = built(PretrainConfig, PRETRAIN, **{"model.decoder.kind": "vit"})
    decided = config.resolved(16)
    assert decided.model.decoder.kernel
    refuse_unread(decided, config)
    assert effective(decided).model.decoder.kernel is None
