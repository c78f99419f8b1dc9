"""Configuration of asda's models for Hugging Face transformers."""

from __future__ import annotations

from typing import Any

from transformers import PretrainedConfig

from asda.export.transformers_keys import transformers_keys


class AsdaConfig(PretrainedConfig):
    """Everything that a model of asda is computed by, and how it was trained.

    Args:
        asda: sections as in a model.pt of asda: "model" (sizes, patches, attention), "fbank" and
            "normalization" (features), "data" (longest input and padding), "head" (pooling) and
            "facts" (training)
        kwargs: labels, problem type and further settings of transformers
    """

    model_type = "asda"

    def __init__(self, asda: dict[str, Any] | None = None, **kwargs: Any):
        self.asda = {} if asda is None else asda
        if self.asda:  # transformers also builds a configuration without values
            kwargs |= transformers_keys(self.asda)
        super().__init__(**kwargs)
