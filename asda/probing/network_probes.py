"""Probes that are small networks, trained with AdamW and stopped by clips to choose on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asda.probing.probe_set import ProbeSet
from asda.probing.probes import Fitted, Probe, Settings, quality_of

RATES = (1e-3, 1e-2)  # learning rates that are tried
WEIGHT_DECAY = 0.01
BATCH = 32
MOST_EPOCHS = 100
PATIENCE = 10  # epochs without a better result on the clips to choose on

Inputs = Callable[[ProbeSet], Any]  # the input of the network for some clips


class NetworkProbe(Probe):
    """A network on frozen embeddings; its settings are learning rate and number of epochs.

    AdamW with a constant learning rate and batches of 32 clips, cross-entropy if every clip has one
    label, else binary cross-entropy. Training for the same number of epochs with the same seed
    gives the same network on a CPU.

    Args:
        description: of the classifier
        make: returns a network with random weights, given the training clips
        inputs: returns the input of the network
        one_label: whether every clip has one label
        device: on which it is trained
        seed: of weights and of the order of clips
    """

    def __init__(
        self,
        description: str,
        make: Callable[[ProbeSet], nn.Module],
        inputs: Inputs,
        one_label: bool,
        device: torch.device,
        seed: int,
    ):
        self.description, self.make, self.inputs = description, make, inputs
        self.one_label, self.device, self.seed = one_label, device, seed

    def candidates(self, train: ProbeSet, valid: ProbeSet) -> Iterator[tuple[Settings, Fitted]]:
        for rate in RATES:
            best, best_epoch, state = (-np.inf, -np.inf), 0, {}
            for epoch, fitted in enumerate(self._epochs(train, rate), 1):
                found = quality_of(fitted.probabilities(valid), valid.targets)
                if found > best:
                    best, best_epoch = found, epoch
                    state = {n: t.clone() for n, t in fitted.network.state_dict().items()}
                if epoch - best_epoch >= PATIENCE or epoch == MOST_EPOCHS:
                    break
            fitted.network.load_state_dict(state)
            yield {"lr": rate, "epochs": best_epoch}, fitted

    def fit(self, train: ProbeSet, settings: Settings) -> Fitted:
        for epoch, fitted in enumerate(self._epochs(train, settings["lr"]), 1):
            if epoch == settings["epochs"]:
                return fitted
        raise AssertionError("training goes on")

    def _epochs(self, train: ProbeSet, rate: float) -> Iterator[NetworkFitted]:
        """Yield the network after every epoch, without end."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = self.make(train).to(self.device)
        fitted = NetworkFitted(network, self.inputs, self.one_label)
        optimizer = torch.optim.AdamW(network.parameters(), rate, weight_decay=WEIGHT_DECAY)
        rng = np.random.default_rng(self.seed)
        while True:
            network.train()
            order = rng.permutation(len(train.rows))
            for first in range(0, len(order), BATCH):
                clips = train.select(order[first : first + BATCH])
                loss = self._loss(network(self.inputs(clips)), clips.targets)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            yield fitted

    def _loss(self, logits: Tensor, targets: np.ndarray) -> Tensor:
        wanted = torch.from_numpy(targets).to(logits)
        if self.one_label:
            return F.cross_entropy(logits, wanted)
        return F.binary_cross_entropy_with_logits(logits, wanted)


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
        self.network.eval()
        parts = []
        for first in range(0, len(clips.rows), BATCH):
            batch = clips.select(np.arange(first, min(first + BATCH, len(clips.rows))))
            logits = self.network(self.inputs(batch)).float()
            parts.append(logits.softmax(-1) if self.one_label else logits.sigmoid())
        return torch.cat(parts).cpu().numpy()
