"""asda's encoder and classifier for Hugging Face transformers."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPooling, SequenceClassifierOutput

from asda.dataset.windows import window_starts
from asda.export.hugging_face.configuration_asda import AsdaConfig
from asda.model.block import NORM_EPS
from asda.model.encoder import Encoder
from asda.model.heads import combined_windows
from asda.model.pooling import Layer, pool, take_layers

OUTPUTS = {"single_label_classification": "softmax", "multi_label_classification": "sigmoid"}


def fastest_form(_: Tensor) -> Literal["fused"]:
    """Return the form of differential attention on a GPU; asda's kernels for GPUs are not here."""
    return "fused"


class ResolvedModel(SimpleNamespace):
    """The values of `config.asda["model"]`, which networks are built from, as attributes."""

    mel_bins: int
    depth: int
    width: int
    heads: int
    mlp_ratio: float
    patch: Any
    attention: Any

    @classmethod
    def of(cls, values: dict[str, Any]) -> Any:
        """Return nested dicts as nested attributes."""
        return cls(**{k: cls.of(v) if isinstance(v, dict) else v for k, v in values.items()})


@dataclass
class AsdaModelOutput(BaseModelOutputWithPooling):
    """Output of `AsdaModel`.

    Attributes:
        last_hidden_state: (batch, 1 + patches, width), CLS first, then patches ordered by time and
            within a time by frequency from low to high
        pooler_output: one vector per clip, by the pooling of `config.asda["head"]`, or the mean of
            the valid patches where there is none
        hidden_states: depth + 1 tensors like `last_hidden_state`: the CLS token and the patches
            with their positions as layer 0, then the output of each block
        token_mask: (batch, 1 + patches) bool, false at padding; None = all tokens are valid
    """

    token_mask: Tensor | None = None


class AsdaPreTrainedModel(PreTrainedModel):
    """The encoder, and how its layers are pooled to one vector per clip."""

    config_class = AsdaConfig
    base_model_prefix = "asda"
    main_input_name = "input_values"

    def __init__(self, config: AsdaConfig):
        super().__init__(config)
        self.encoder = Encoder(ResolvedModel.of(config.asda["model"]))
        head = config.asda["head"]
        depth = config.num_hidden_layers
        self.pooling = head.get("pooling", "mean")
        self.pooled_layers = [*range(depth + 1)] if head.get("layers") == "all" else [depth]

    def _init_weights(self, module: nn.Module) -> None:
        """Initialise what a checkpoint lacks: the layers of a new classifier."""
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)

    def _layers(
        self, fbank: Tensor, num_frames: Tensor | None, every: bool | None
    ) -> dict[int, Layer]:
        """Return the layers that are pooled and the last one, or every layer."""
        depth = self.config.num_hidden_layers
        wanted = range(depth + 1) if every else {*self.pooled_layers, depth}
        return take_layers(self.encoder.layers(fbank.to(self.dtype), num_frames), wanted)

    def _pooled(self, layers: dict[int, Layer]) -> Tensor:
        """Return one vector per clip (batch, width of all pooled layers)."""
        vectors = [pool(layers[number], self.pooling) for number in self.pooled_layers]
        return torch.cat(vectors, dim=1).to(self.dtype)  # means over valid patches are float32

    def _tokens(self, layer: Layer) -> Tensor:
        """Return (batch, 1 + patches, width), CLS first."""
        cls = self.encoder.cls_token[:, 0].expand(len(layer.patches), -1)
        return torch.cat([(cls if layer.cls is None else layer.cls)[:, None], layer.patches], 1)

    def _hidden_states(self, layers: dict[int, Layer], wanted: bool | None) -> Any:
        """Return the tokens of every layer, if they are wanted."""
        return tuple(self._tokens(layer) for layer in layers.values()) if wanted else None


class AsdaModel(AsdaPreTrainedModel):
    """The encoder; it takes any number of frames."""

    _keys_to_ignore_on_load_unexpected = [r"^fc_norm\.", r"^head\."]  # noqa: RUF012

    def __init__(self, config: AsdaConfig):
        super().__init__(config)
        self.post_init()

    def forward(
        self,
        input_values: Tensor,
        attention_mask: Tensor | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> AsdaModelOutput | tuple[Any, ...]:
        """Return the tokens of clips.

        Args:
            input_values: normalised features (batch, frames, mel), padded with zeros
            attention_mask: (batch, frames), 1 at valid frames, which come first, and 0 at padding;
                None = all are valid
            output_hidden_states: return the tokens of every layer too
            return_dict: False returns a tuple without what is None
            kwargs: not used
        """
        every = _chosen(output_hidden_states, self.config.output_hidden_states)
        layers = self._layers(input_values, _num_frames(attention_mask), every)
        last = layers[self.config.num_hidden_layers]
        output = AsdaModelOutput(
            last_hidden_state=self._tokens(last),
            pooler_output=self._pooled(layers),
            hidden_states=self._hidden_states(layers, every),
            token_mask=None if last.valid is None else F.pad(last.valid, (1, 0), value=True),
        )
        return output if _chosen(return_dict, self.config.return_dict) else output.to_tuple()


class AsdaForAudioClassification(AsdaPreTrainedModel):
    """Encoder, pooling, LayerNorm and a linear layer.

    A clip that is longer than `config.max_frames` is classified in windows, whose probabilities
    are averaged, unless `config.asda["data"]["long_clips"]` is "start".
    """

    def __init__(self, config: AsdaConfig):
        super().__init__(config)
        self.num_labels = config.num_labels
        width = config.hidden_size * (2 if self.pooling == "statistics" else 1)
        width *= len(self.pooled_layers)
        self.fc_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.head = nn.Linear(width, config.num_labels)
        self.post_init()

    def forward(
        self,
        input_values: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> SequenceClassifierOutput | tuple[Any, ...]:
        """Return logits (batch, classes), before softmax or sigmoid.

        Args:
            input_values, attention_mask, return_dict, kwargs: as for `AsdaModel`
            labels: with them there is a loss: classes (batch,) int64 for cross entropy, or
                (batch, classes) of 0 and 1 for binary cross entropy
            output_hidden_states: return the tokens of every layer too, unless the clips are
                classified in windows
        """
        every = _chosen(output_hidden_states, self.config.output_hidden_states)
        num_frames, hidden_states = _num_frames(attention_mask), None
        longest = self.config.max_frames
        if self.config.asda["data"].get("long_clips") == "start":
            input_values = input_values[:, :longest]
            num_frames = None if num_frames is None else num_frames.clamp(max=longest)
        if input_values.shape[1] > longest:
            logits = self._by_windows(input_values, num_frames)
        else:
            layers = self._layers(input_values, num_frames, every)
            logits = self._classify(layers)
            hidden_states = self._hidden_states(layers, every)
        loss = None if labels is None else _loss(logits, labels)
        output = SequenceClassifierOutput(loss=loss, logits=logits, hidden_states=hidden_states)
        return output if _chosen(return_dict, self.config.return_dict) else output.to_tuple()

    def _classify(self, layers: dict[int, Layer]) -> Tensor:
        return self.head(self.fc_norm(self._pooled(layers)))

    def _by_windows(self, fbank: Tensor, num_frames: Tensor | None) -> Tensor:
        """Return the logits of clips, whose windows are classified one clip at a time."""
        counts = [fbank.shape[1]] * len(fbank) if num_frames is None else num_frames.tolist()
        output, found = OUTPUTS.get(self.config.problem_type, "softmax"), []
        for clip, frames in zip(fbank, counts, strict=True):
            length = min(frames, self.config.max_frames)
            windows = torch.stack([clip[at : at + length] for at in window_starts(frames, length)])
            logits = self._classify(self._layers(windows, None, False))
            found.append(combined_windows(logits, output) if len(logits) > 1 else logits[0])
        return torch.stack(found)


def _chosen(value: bool | None, default: bool | None) -> bool | None:
    return default if value is None else value


def _loss(logits: Tensor, labels: Tensor) -> Tensor:
    if labels.ndim == 2:
        return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))
    return F.cross_entropy(logits, labels)


def _num_frames(attention_mask: Tensor | None) -> Tensor | None:
    """Return valid frames (batch,) int64; None if all are valid, which is computed faster."""
    if attention_mask is None or bool(attention_mask.all()):
        return None
    return attention_mask.long().sum(dim=1)
