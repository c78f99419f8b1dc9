"""The reference's names of asda's tensors (docs/algorithm.md#checkpoint-formats)."""

from __future__ import annotations

AUDIO = "modality_encoders.IMAGE."  # the name is data2vec's; it means audio here
POSITIONS = f"{AUDIO}fixed_positional_encoder.positions"
POSITION_ROWS = 768  # time rows of the reference's table: about 123 s
OUTPUT = "asda_output"  # entry of extra_state, written by `asda export`: meaning of the logits
# Prefixes of tensor names: asda's to the reference's.
NETWORKS = {"student.": "", "teacher.": "_ema.", "encoder.": "model."}
PARTS = {
    "cls_token": f"{AUDIO}extra_tokens",
    "patches.": f"{AUDIO}local_encoder.",
    "norm.": f"{AUDIO}context_encoder.norm.",
    "blocks.": "blocks.",
}


def reference_name(name: str) -> str:
    """Return the reference's name of a tensor; those in its `_ema` are returned as `_ema.NAME`."""
    for ours, theirs in NETWORKS.items():
        if name.startswith(ours):
            return theirs + translated(name.removeprefix(ours), PARTS)
    if name.startswith("decoder.convs."):
        index, kind = name.removeprefix("decoder.convs.").split(".")
        return f"{AUDIO}decoder.blocks.{index}.0.{kind}"
    return f"{AUDIO}{name}" if name.startswith("decoder.") else name  # fc_norm and head


def translated(name: str, parts: dict[str, str]) -> str:
    """Replace the prefix of an encoder's tensor name."""
    start = next(part for part in parts if name.startswith(part))
    return parts[start] + name.removeprefix(start)
