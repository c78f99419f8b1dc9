"""Train probes on the embeddings of a frozen encoder, and score them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from asda.corpus.datadir import DataDir
from asda.dataset.label_counts import count_labels, refuse_equal_labels
from asda.dataset.targets import MultiHot
from asda.distributed import start_process
from asda.dump.bad_utterances import check_bad, list_bad
from asda.files import InputError, readable_duration
from asda.inference.audio_model import AudioModel
from asda.inference.loading import load
from asda.probing.corpus_normalization import normalized_as
from asda.probing.embedding_cache import EmbeddingCache
from asda.probing.learning_curve import learning_curve
from asda.probing.probe_config import ProbeConfig
from asda.probing.probe_kinds import Probes
from asda.probing.probe_set import ProbeSet, ProbeSets
from asda.probing.probes import Chosen, Probe, choose, scored_by
from asda.scoring.clip_tables import audio_files
from asda.scoring.measurable import Metric
from asda.scoring.metrics import is_single_label
from asda.scoring.result_files import write_results
from asda.scoring.score_facts import untrained_classes
from asda.scoring.tables import Table, number, with_interval


def probe(config: ProbeConfig) -> None:
    """Embed all clips, train and score the probes, write their results and print them.

    Raises:
        InputError: if an argument, the model or a data directory does not fit.
    """
    device = start_process(config.device, config.threads).device
    model = load(config.model, str(device), encoder=config.encoder)
    if config.normalization == "train":
        model = normalized_as(model, config.train)
    labels = DataDir(config.train).labels
    refuse_equal_labels(count_labels(DataDir(config.train)))
    probes = Probes(config, model, len(labels))
    sets = _embedded(config, model, probes, labels)
    one_label = is_single_label(sets.train.targets)
    if one_label and 1 in config.counts and sets.valid is None:
        raise InputError(
            "label_counts of 1 leave no clip to choose the settings of a probe on; give --valid, or"
            " more clips"
        )
    made = {kind: probes.make(kind, one_label) for kind in config.kind_list}
    rows, results = [], {}
    for kind, one in made.items():
        started = time.monotonic()
        chosen = choose(one, sets.train, sets.valid, config.seed)
        result = results[kind] = _write(config, kind, one, chosen, sets, probes)
        rows.append(_row(kind, chosen, result, time.monotonic() - started))
    title = Metric(**result["metric_info"][result["metric"]]).title
    print(Table(["probe", "settings", "valid", f"{title} [95 %]", "time"], rows).markdown())
    if config.counts:
        print(f"\n{learning_curve(config, made, sets, results).markdown()}")


def _embedded(
    config: ProbeConfig, model: AudioModel, probes: Probes, labels: list[str]
) -> ProbeSets:
    cache = EmbeddingCache(
        Path(config.cache or f"{config.out}/cache"), model, config.cache_limit * 1e9
    )
    bad: dict[str, str] = {}
    for folder in filter(None, (config.train, config.test, config.valid)):
        directory = DataDir(folder)
        MultiHot(directory, labels).check(directory.utterances)

    def embedded(folder: str) -> ProbeSet:
        directory = DataDir(folder)
        found = cache.get(directory, probes.contents)
        bad.update(found.bad)
        listed = Path(config.out) / "bad_utterances"
        list_bad(listed, bad)
        clips = len(found.utterances) + len(found.bad)
        check_bad(found.bad, clips, config.max_bad, "max_bad", folder, listed)
        targets = MultiHot(directory, labels).matrix(found.utterances)
        return ProbeSet(found, targets, np.arange(len(targets)))

    valid = embedded(config.valid) if config.valid else None
    return ProbeSets(embedded(config.train), embedded(config.test), valid, labels)


def _write(
    config: ProbeConfig, kind: str, one: Probe, chosen: Chosen, sets: ProbeSets, probes: Probes
) -> dict[str, Any]:
    """Score the test clips, write the score folder and return the content of result.json."""
    scored = scored_by(chosen, sets.test, sets.labels)
    untrained = np.array(sets.labels)[sets.train.targets.sum(axis=0) == 0].tolist()
    where = config.valid or f"{chosen.clips} clips held out of {config.train}"
    provenance = {
        "data": config.test,
        "model": f"{kind} probe ({one.description}) of {config.model}",
        "encoder": config.encoder,
        "normalization": config.normalization,
        "embeddings": probes.sees(kind),
        "trained on": config.train,
        "training clips": len(sets.train.rows),
        "settings": chosen.settings,
        "seed": config.seed,
        "selection": f"{chosen.metric} on {where}",
    }
    return write_results(
        Path(config.out) / kind / "score",
        scored,
        provenance,
        expected=len(DataDir(config.test).utterances),
        sources=audio_files(config.test),
        validation={"data": where, "metric": chosen.metric, "value": chosen.value},
        **untrained_classes(untrained, scored),
    )


def _row(kind: str, chosen: Chosen, result: dict[str, Any], seconds: float) -> list[str]:
    """Return the cells of a probe in the printed table."""
    metric = Metric(**result["metric_info"][result["metric"]])
    settings = ", ".join(f"{name} {value:g}" for name, value in chosen.settings.items())
    valid = number(metric, chosen.value) if chosen.metric == result["metric"] else "–"
    shown = with_interval(metric, result["metrics"][result["metric"]])
    return [kind, settings, valid, shown, readable_duration(seconds, precise=True)]
