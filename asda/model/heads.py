"""Heads: networks on top of the encoder, found by name, and what their outputs mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from asda.model.encoder import Encoder
from asda.model.model_config import ResolvedModel


class Head(nn.Module):
    """A network on top of the encoder; subclasses add layers and `forward`.

    A subclass is constructed as `Class(config, num_outputs, **settings, drop_path=...)`, where the
    settings are those in `SavedModel.head`; its module must be imported before a file with this
    head is read:

        @register_head("duration")
        class DurationHead(Head): ...

    Args:
        config: resolved configuration
        drop_path: drop-path rate of the top block
    """

    name: ClassVar[str]  # set by `register_head`
    outputs: ClassVar[tuple[str, ...]]  # what the output can mean, such as "softmax" or "linear"

    def __init__(self, config: ResolvedModel, drop_path: float = 0.0):
        super().__init__()
        self.frozen = False
        self.encoder = Encoder(config, drop_path)

    def freeze_encoder(self) -> None:
        """Train only the head from here on (linear probe)."""
        self.frozen = True
        self.encoder.requires_grad_(False)

    def train(self, mode: bool = True) -> Head:
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self

    def layer_groups(self) -> list[list[nn.Parameter]]:
        """Return the encoder's layers for layer-wise learning-rate decay; see `Encoder`."""
        return self.encoder.layer_groups()


HEADS: dict[str, type[Head]] = {}
HeadType = TypeVar("HeadType", bound=type[Head])


def register_head(name: str) -> Callable[[HeadType], HeadType]:
    """Return a decorator that makes a subclass of `Head` known under a name.

    Raises:
        ValueError: if another class has that name, since files with its head would get this one.
    """

    def register(head: HeadType) -> HeadType:
        known = HEADS.get(name, head)
        if (known.__module__, known.__qualname__) != (head.__module__, head.__qualname__):
            raise ValueError(f"the head '{name}' is {known.__module__}.{known.__qualname__}")
        head.name = name
        HEADS[name] = head
        return head

    return register


def make_head(
    settings: Mapping[str, Any], config: ResolvedModel, num_outputs: int, **training: Any
) -> Head:
    """Return a new network.

    Args:
        settings: {"name": a registered head, ...its settings}
        config: resolved configuration
        num_outputs: number of classes or other outputs
        training: arguments that matter only in training (drop_path)

    Raises:
        ValueError: if no head of that name is registered.
    """
    options = dict(settings)
    name = options.pop("name", None)
    if name not in HEADS:
        raise ValueError(
            f"head '{name}' is not registered (known: {', '.join(sorted(HEADS))}); import the"
            " module that defines it"
        )
    return HEADS[name](config, num_outputs, **options, **training)


def ranking_scores(outputs: Tensor, output: str) -> Tensor:
    """Return scores that can be compared between clips.

    Softmax is invariant to an offset that all logits of a clip share, so its logits of different
    clips cannot be compared, but their log-probabilities can. Other outputs are taken as they are.

    Args:
        outputs: the network's outputs (clips, classes)
        output: their meaning, as in `SavedModel.output`
    """
    return outputs.log_softmax(-1) if output == "softmax" else outputs


def combined_windows(outputs: Tensor, output: str) -> Tensor:
    """Return one output for the windows of a clip: that of the mean of their probabilities.

    For "softmax" and "sigmoid" these are logits again; other outputs are averaged as they are.

    Args:
        outputs: the network's outputs (windows, classes)
        output: their meaning, as in `SavedModel.output`

    Returns:
        (classes,) of the same type
    """
    exact = outputs.double()
    if output == "softmax":
        combined = exact.log_softmax(-1).logsumexp(0) - math.log(len(outputs))
    elif output == "sigmoid":
        combined = logsigmoid(exact).logsumexp(0) - logsigmoid(-exact).logsumexp(0)
    else:
        combined = exact.mean(0)
    return combined.to(outputs.dtype)
