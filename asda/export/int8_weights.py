"""ONNX graphs whose linear layers have weights of 8 bits."""

from __future__ import annotations

import logging
from pathlib import Path

from asda.export.exported_model import FRONT_END


def quantize(path: Path) -> None:
    """Round the weights of linear layers in an ONNX file to 8 bits, with a scale per channel.

    While the graph runs, their inputs are rounded to 8 bits too ("dynamic quantization"). The
    front end stays in float32, because energies span too many orders of magnitude for 8 bits, and
    so do patches, attention maps and norms, which have few weights or none.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    nodes = onnx.load(path).graph.node
    exact = [node.name for node in nodes if any(FRONT_END in name for name in node.input)]
    rounded = path.with_name(f"{path.name}.int8")
    logging.disable(logging.WARNING)  # it advises a preparation that changes nothing here
    try:
        quantize_dynamic(
            path,
            rounded,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            weight_type=QuantType.QUInt8,  # signed weights overflow on CPUs without VNNI
            nodes_to_exclude=exact,
        )
    finally:
        logging.disable(logging.NOTSET)
    rounded.replace(path)
