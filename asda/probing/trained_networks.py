"""Probes that are small networks, trained with AdamW."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asda.probing.probe_set import ProbeSet
from asda.probing.probes import Fitted, Probe, Settings

WEIGHT_DECAY = 0.01
BATCH = 32
EPOCHS = 30
LEAST_UPDATES = 300
WARM_UP = 0.1  # part of the updates in which the learning rate rises

Inputs = Callable[[ProbeSet], Any]  # the input of the network for some clips


class NetworkProbe(Probe):
    """A network on frozen embeddings; its only setting is the learning rate.

    It is trained for 30 epochs, but at least 300 updates, by AdamW on batches of 32 clips. The
    learning rate rises over a tenth of the updates and falls to nearly 0 as a cosine, so nothing
    depends on the moment at which training stops. The loss is cross-entropy if every clip has one
    label, else binary cross-entropy. The same seed gives the same network on a CPU.

    Args:
        description: of the classifier
        make: returns a network with random weights, given the training clips
        inputs: returns the input of the network
        one_label: whether every clip has one label
        rates: learning rates that are tried
        device: on which it is trained
        seed: of weights and of the order of clips
    """

    def __init__(
        self,
        description: str,
        make: Callable[[ProbeSet], nn.Module],
        inputs: Inputs,
        one_label: bool,
        rates: Sequence[float],
        device: torch.device,
        seed: int,
    ):
        self.description, self.make, self.inputs = description, make, inputs
        self.one_label, self.rates = one_label, rates
        self.device, self.seed = device, seed

    def choices(self, train: ProbeSet) -> list[Settings]:
        return [{"lr": rate} for rate in self.rates]

    def fit(self, train: ProbeSet, settings: Settings) -> Fitted:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = self.make(train).to(self.device).train()
        optimizer = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
        per_epoch = math.ceil(len(train.rows) / BATCH)
        updates = max(EPOCHS, math.ceil(LEAST_UPDATES / per_epoch)) * per_epoch
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, settings["lr"], updates, pct_start=WARM_UP, cycle_momentum=False
        )
        for rows in itertools.islice(_batches(len(train.rows), self.seed), updates):
            clips = train.select(rows)
            loss = self._loss(network(self.inputs(clips)), clips.targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        return NetworkFitted(network.eval(), self.inputs, self.one_label)

    def _loss(self, logits: Tensor, targets: np.ndarray) -> Tensor:
        wanted = torch.from_numpy(targets).to(logits)
        if self.one_label:
            return F.cross_entropy(logits, wanted)
        return F.binary_cross_entropy_with_logits(logits, wanted)


def _batches(clips: int, seed: int) -> Iterator[np.ndarray]:
    """Yield indices of the clips of each batch, in a new order for each epoch, without end."""
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(clips)
        for first in range(0, clips, BATCH):
            yield order[first : first + BATCH]


class NetworkFitted(Fitted):
    """A trained network.

    Args:
        network: gives logits (batch, classes)
        inputs: returns its input
        one_label: whether every clip has one label
    """

    def __init__(self, network: nn.Module, inputs: Inputs, one_label: bool):
        self.network, self.inputs, self.one_label = network, inputs, one_label

    @torch.no_grad()
    def probabilities(self, clips: ProbeSet) -> np.ndarray:
        parts = []
        for first in range(0, len(clips.rows), BATCH):
            batch = clips.select(np.arange(first, min(first + BATCH, len(clips.rows))))
            logits = self.network(self.inputs(batch)).float()
            parts.append(logits.softmax(-1) if self.one_label else logits.sigmoid())
        return torch.cat(parts).cpu().numpy()
