"""Names and shares of the corpora of a pretraining."""

import pytest

from asda.configuration import build, load, save
from asda.files import InputError
from asda.training.corpus_config import CorpusConfig, whole_shares
from asda.training.run_config import PretrainConfig
from asda.training.run_inputs import run_inputs

TWO = {"a": {"train": "data/a", "share": 0.5}, "b": {"train": "data/b", "share": 0.25}}


def config(corpora=TWO, **others):
    return build(PretrainConfig, {"exp": "exp", "corpora": corpora, **others}, "here")


@pytest.mark.parametrize(
    ("shares", "whole"),
    [([0.5, 0.5], [1, 1]), ([0.5, 0.25], [2, 1]), ([3, 7], [3, 7]), ([0.1, 0.2, 0.7], [1, 2, 7])],
)
def test_given_shares_are_exact(shares, whole):
    corpora = [CorpusConfig("data", share=share) for share in shares]
    assert whole_shares(corpora, [1] * len(shares), 1.0) == whole


@pytest.mark.parametrize(("temperature", "whole"), [(1.0, [9, 1]), (0.5, [3, 1]), (0.0, [1, 1])])
def test_other_shares_follow_the_sizes(temperature, whole):
    assert whole_shares([CorpusConfig("a"), CorpusConfig("b")], [900, 100], temperature) == whole


def test_no_corpus_is_so_small_that_it_is_left_out():
    assert whole_shares([CorpusConfig("a"), CorpusConfig("b")], [10**6, 1], 1.0) == [1000, 1]


def test_a_configuration_is_saved_and_read(tmp_path):
    save(config(), tmp_path / "config.yaml")
    again = load(PretrainConfig, tmp_path / "config.yaml")
    assert again == config()
    assert [source.name for source in run_inputs(again)] == ["a", "b"]


def test_corpora_with_one_dump_share_it():
    corpora = {name: {"train": name, "dump": "dump"} for name in "ab"}
    first, second, third = run_inputs(config(corpora | {"c": {"train": "c"}}, dump="other"))
    assert first.features is second.features
    assert third.features.dump == "other"


def changed(**values):
    return TWO | {"b": TWO["b"] | values}


@pytest.mark.parametrize(
    ("corpora", "others", "reason"),
    [
        (changed(share=0), {}, "the share of data/b must be a number above 0, not 0; leave"),
        (changed(share=-1), {}, "the share of data/b must be a number above 0, not -1"),
        (changed(share=None), {}, "corpora.b has no share, but others have one"),
        (TWO | {"c d": {"train": "x", "share": 1}}, {}, "the name 'c d' must consist of letters"),
        (changed(shares=1), {}, "here: no key 'corpora.b.shares', did you mean share"),
        (TWO | {"c": None}, {}, "here: 'corpora.c' needs keys below it"),
        (TWO, {"train": "data/a"}, "train and corpora exclude each other"),
        ({}, {}, "give either train, a data directory, or corpora"),
        (TWO, {"valid": "data/v"}, "each of corpora has its own valid"),
        (TWO, {"data": {"norm_mean": 0, "norm_std": 1}}, "corpora have their own mean"),
        (TWO, {"data": {"batch_frames": 9000}}, "data.batch_frames is for a single corpus"),
        (TWO, {"share_temperature": 2}, "share_temperature must lie in 0..1, not 2"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(corpora, others, reason):
    with pytest.raises(InputError) as caught:
        config(corpora, **others)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
