"""Transformer blocks as programs of torch.compile."""

from __future__ import annotations

import logging

from torch import nn

from asda.extras import require_compiler
from asda.model.block import Block

USES = 4  # programs of a block: for student and teacher, each with and without padding


def compile_blocks(model: nn.Module) -> None:
    """Compile each transformer block of a model when it is first called.

    Nearly all work of a step is in the blocks. They are alike, so a few programs serve all of
    them, unless they differ in λ or in the rate of dropped paths. Tensors keep their names.

    A program must not depend on which lengths came first, or a resumed run would compile others
    and not be the same bit for bit: lengths are symbols from the start. Random numbers are drawn
    as without compilation.

    Raises:
        InputError: if the model is on a CPU and there is no C++ compiler.
    """
    from torch._dynamo import config  # takes a second, which other runs need not wait for

    if next(model.parameters()).device.type == "cpu":
        require_compiler("training.compile", "training.compile false")
        logging.getLogger("torch.utils.cpp_extension").addFilter(_concerns_cpus)
    blocks = [module for module in model.modules() if isinstance(module, Block)]
    config.recompile_limit = max(config.recompile_limit, USES * len(blocks))
    for block in blocks:
        block.compile(dynamic=True, options={"fallback_random": True})


def _concerns_cpus(record: logging.LogRecord) -> bool:
    """Return whether a line of PyTorch's compiler is worth reading where a model is on a CPU.

    On machines with CUDA's own compiler and no GPU it warns of "No CUDA runtime".
    """
    return "No CUDA runtime is found" not in record.getMessage()
