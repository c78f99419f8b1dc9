"""Programs that AOTInductor compiles for CPUs like this one; C++ programs run them too."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch._inductor

from asda.checkpoint.saved_model import SavedModel
from asda.export.comparison import cases, confirm
from asda.export.export_options import ExportOptions
from asda.export.exported_facts import facts
from asda.export.exported_model import ExportedModel
from asda.export.torch_program import SUFFIX, program_of, runner
from asda.extras import require_compiler
from asda.inference.audio_model import AudioModel
from asda.staging import check_file_name, staged


def write(saved: SavedModel, out: Path, options: ExportOptions) -> None:
    """Write a package that `torch._inductor.aoti_load_package` loads, and C++ programs with torch.

    Raises:
        InputError: if there is no C++ compiler, the file does not compute what the model does, or
            its name does not end in .pt2.
    """
    check_file_name(out, SUFFIX)
    require_compiler("this format", "--format torch-export")
    model = AudioModel(saved, saved.build(options.encoder))
    exported = ExportedModel(model, options.inputs)
    with staged(out) as path, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the compiler about its own code
        torch._inductor.aoti_compile_and_package(
            program_of(exported),
            package_path=str(path),
            inductor_configs={"aot_inductor.metadata": facts(exported, model)},
        )
        program = torch._inductor.aoti_load_package(str(path))
        confirm(out, runner(program, exported.outputs), cases(exported, model))
