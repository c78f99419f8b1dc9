"""Which models count as those of one run."""

import copy

import pytest
from inference.model_files import saved_model

from asda.checkpoint.mean_model import mean_model
from asda.files import InputError
from asda.model.part_configs import AttentionConfig


def test_files_of_a_version_without_later_settings_are_of_the_same_run():
    """Their settings have the defaults, as when such a file is read."""
    new = saved_model("pretrained")
    old = copy.deepcopy(new)
    for setting in ("target_output", "target_norm"):
        del old.model[setting]
    del old.model["decoder"]["kind"], old.model["decoder"]["heads"]
    assert mean_model([old, new]).weights.keys() == new.weights.keys()


def test_another_setting_is_named():
    first, other = (
        saved_model(attention=AttentionConfig(kind=kind)) for kind in ("standard", "gated")
    )
    with pytest.raises(InputError, match=r"model\.attention\.kind: standard -> gated"):
        mean_model([first, other])
