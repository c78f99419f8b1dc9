#!/usr/bin/env python3
"""Write the golden arrays of data/ anew: `PYTHONPATH=.:tests python tests/parity/make_golden.py`.

They are asda's own outputs for weights drawn by golden.py, at a state of asda that was compared
with the reference: for the reference's checkpoints of both forms, targets, student and decoder
outputs, losses, norms of gradients and of the EMA teacher, features and logits agreed within
2e-6 of the largest absolute value (test_parity.py, `reference-asda` and `reference-eat`). Only
make them anew at such a state, when the format of the arrays changes.
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from parity import golden
from parity.test_parity import encode, load_classifier, load_pretrainer, visible_patches

from asda.checkpoint.foreign.fairseq_names import reference_name
from asda.tasks.pretraining import teacher_decay
from asda.training.run_config import TeacherConfig

EMA_UPDATE = 1000


def pretraining_step(folder: Path, fbank: np.ndarray, mask: np.ndarray) -> dict[str, np.ndarray]:
    model = load_pretrainer(folder)
    features = torch.from_numpy(fbank)[:, 0]
    visible = visible_patches(mask, len(fbank))
    target, cls, tokens, prediction = encode(model, features, visible)
    losses = model(features, visible)
    losses.loss.backward()
    gradients = {
        reference_name(name): float(parameter.grad.norm())
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
    decay = teacher_decay(EMA_UPDATE, TeacherConfig())
    with torch.no_grad():
        for parameter in model.student.parameters():
            parameter += 0.01
    model.update_teacher(decay)
    teacher = {
        reference_name(f"teacher.{name}").removeprefix("_ema."): float(parameter.norm())
        for name, parameter in model.teacher.named_parameters()
    }
    return {
        "fbank": fbank,
        "mask": mask,
        "teacher_target": target.numpy(),
        "student_encoder_output": torch.cat([cls[:, None], tokens], dim=1).detach().numpy(),
        "decoder_output": prediction.detach().numpy(),
        "loss_patch": losses.frame_loss.item(),
        "loss_cls": losses.cls_loss.item(),
        "loss_total": losses.loss.item(),
        "grad_names": list(gradients),
        "grad_norms": list(gradients.values()),
        "ema_names": list(teacher),
        "ema_norms": list(teacher.values()),
        "ema_decay": decay,
        "ema_update": EMA_UPDATE,
    }


@torch.no_grad()
def features_of(folder: Path, fbank: np.ndarray) -> dict[str, np.ndarray]:
    student = load_pretrainer(folder).student.eval()
    features = torch.from_numpy(fbank)[:, 0]
    *_, (tokens, ffn) = student.hidden_states(student.patches(features), None)
    half = student(features[:, : fbank.shape[2] // 2]).tokens
    return {
        "fbank": fbank,
        "tokens": tokens.numpy(),
        "last_ffn_output": ffn.numpy(),
        "tokens_half_length": half.numpy(),
    }


def main() -> None:
    for form in golden.FORMS:
        data = golden.DATA / form
        data.mkdir(parents=True, exist_ok=True)
        fbank, mask = golden.inputs(form)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            golden.write_checkpoints(form, folder)
            step = pretraining_step(folder, fbank, mask)
            np.savez_compressed(data / "pretrain_step.npz", **step)
            np.savez_compressed(data / "features.npz", **features_of(folder, fbank))
            with torch.no_grad():
                logits = load_classifier(folder)(torch.from_numpy(fbank)[:, 0])
            np.savez_compressed(data / "classify.npz", logits=logits.numpy())


if __name__ == "__main__":
    main()
