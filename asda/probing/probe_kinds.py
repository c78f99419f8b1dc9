"""The probes by name, and the outputs of a model that each of them uses."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from asda.files import InputError
from asda.inference.audio_model import AudioModel
from asda.inference.computations import encoder_of, layer_numbers, own_pooling
from asda.probing.clip_embeddings import Contents, TokenBatch
from asda.probing.probe_config import OF_TOKENS, ProbeConfig
from asda.probing.probe_networks import AttentiveNetwork, LinearNetwork, PrototypeNetwork
from asda.probing.probe_set import ProbeSet
from asda.probing.probes import Probe
from asda.probing.trained_networks import Inputs, NetworkProbe
from asda.probing.vector_probes import LogisticProbe, NeighbourProbe, Vectors

PER_CLASS = 20  # prototypes; BAT has 10,000 for the 527 classes of AudioSet, which is 19 per class
MOST_PROTOTYPES = 10_000

# Learning rates that are tried. Cosines are small inputs, so prototypes need higher ones.
RATES = {
    "linear": (0.001, 0.01, 0.1),
    "attentive": (0.001, 0.003, 0.01),
    "prototype": (0.01, 0.03, 0.1),
}


class Probes:
    """Makes the probes of a call.

    Args:
        config: settings
        model: whose embeddings they see
        classes: number of classes

    Attributes:
        contents: what the cache must keep for all of them

    Raises:
        InputError: if the model has no such layer, or a layer has no CLS token.
    """

    def __init__(self, config: ProbeConfig, model: AudioModel, classes: int):
        self.config, self.model, self.classes = config, model, classes
        self.encoder = encoder_of(model.network)
        self.width = self.encoder.patches.width
        self.pooling = config.pooling or own_pooling(model.network)
        self.prototypes = config.prototypes or min(PER_CLASS * classes, MOST_PROTOTYPES)
        self.layers = {kind: self._layers(kind) for kind in config.kind_list}
        tokens = any(kind in OF_TOKENS for kind in config.kind_list)
        every = sorted({number for layers in self.layers.values() for number in layers})
        self.contents = Contents(tuple(every), tokens)

    def _layers(self, kind: str) -> list[int]:
        """Return the numbers of the layers that a probe sees."""
        depth = len(self.encoder.blocks)
        given = self.config.layer_list
        if given is None:
            return list(range(1, depth + 1)) if kind == "prototype" else [depth]
        numbers = layer_numbers(given, self.encoder)
        of_vectors = kind not in OF_TOKENS
        if 0 in numbers and (kind == "prototype" or (of_vectors and self.pooling == "cls")):
            raise InputError(
                "layer 0, that of the patch embeddings, has no CLS token, which the prototype probe"
                " and --pooling cls need; name layers from 1"
            )
        return numbers

    def sees(self, kind: str) -> str:
        """Return what a probe sees, for result.json."""
        layers = f"layers {', '.join(map(str, self.layers[kind]))}"
        return f"all tokens of {layers}" if kind in OF_TOKENS else f"{self.pooling} of {layers}"

    def make(self, kind: str, one_label: bool) -> Probe:
        """Return a probe.

        Args:
            kind: its name
            one_label: whether every training clip has one label
        """
        if kind == "knn":
            return NeighbourProbe(self._vectors(kind))
        if kind == "linear" and one_label:
            return LogisticProbe(self._vectors(kind))
        description, network = {
            "linear": ("linear layer on standardised vectors", self._linear),
            "attentive": ("attentive pooling and a linear layer", self._attentive),
            "prototype": (f"convex gated, {self.prototypes} prototypes", self._prototype),
        }[kind]
        inputs = self._linear_input if kind == "linear" else self._tokens(kind)
        device, seed = self.model.device, self.config.seed
        return NetworkProbe(description, network, inputs, one_label, RATES[kind], device, seed)

    def _vectors(self, kind: str) -> Vectors:
        return Vectors(self.layers[kind], self.pooling)

    def _linear_input(self, clips: ProbeSet) -> Tensor:
        return torch.from_numpy(self._vectors("linear")(clips)).to(self.model.device)

    def _tokens(self, kind: str) -> Inputs:
        layers, device = self.layers[kind], self.model.device

        def inputs(clips: ProbeSet) -> TokenBatch:
            return clips.embeddings.batch(clips.rows, layers, device)

        return inputs

    def _linear(self, train: ProbeSet) -> nn.Module:
        return LinearNetwork(self._linear_input(train), self.classes)

    def _attentive(self, train: ProbeSet) -> nn.Module:
        return AttentiveNetwork(self.width * len(self.layers["attentive"]), self.classes)

    def _prototype(self, train: ProbeSet) -> nn.Module:
        layers = len(self.layers["prototype"])
        return PrototypeNetwork(layers, self.width, self.prototypes, self.classes)
