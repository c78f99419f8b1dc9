"""Configurations of small networks."""

from asda.model.model_config import ModelConfig, ResolvedModel


def tiny(**options) -> ResolvedModel:
    options = {"depth": 2, "width": 48, "heads": 4, "num_masks": 3} | options
    return ModelConfig(size="tiny", **options).resolved()
