"""Inputs of differential attention, and how far the operator in Triton is from the textbook form.

As a program, it runs the operator in Triton's interpreter on the CPU and prints what it finds: the
interpreter has to be chosen before Triton is imported, so that it needs a process of its own.
"""

import json
import os
from dataclasses import dataclass

import torch

from asda.kernels.differential_attention import attention_form, differential_attention


@dataclass
class Case:
    """Sizes, and which tokens are valid."""

    tokens: int
    d: int
    value_dim: int
    valid: str = "all"
    clips: int = 2
    heads: int = 2

    def mask(self):
        """As the model has it; the first token, CLS, is always valid."""
        if self.valid == "all":
            return None
        place = torch.arange(self.tokens).expand(self.clips, -1)
        if self.valid == "padded":
            valid = place < torch.tensor([[self.tokens], [self.tokens // 2 + 1]])
        else:  # whole blocks of keys are not
            valid = (place % 150 > 140) | (place == self.tokens - 1)
        return valid[:, None, None]


CASES = {
    "student": Case(103, 64, 64),
    "padded student": Case(103, 64, 64, "padded"),
    "one block": Case(64, 32, 32),
    "17 tokens of narrow heads": Case(17, 8, 8, "padded", heads=3),
    "one token": Case(1, 16, 16),
    "two blocks": Case(128, 16, 64),
    "one token more": Case(129, 24, 40, clips=1),
    "masked blocks": Case(200, 16, 16, "late", clips=1),
    "padded clips": Case(140, 16, 32, "padded"),
    "teacher": Case(513, 64, 64, clips=1, heads=1),
}
NAMES = ("out", "qk", "v", "lam")


def differences(case, device, dtype):
    """Return relative differences of the output and the gradients to the textbook in float64."""
    found = _computed(case, "triton", device, dtype, dtype)
    expected = _computed(case, "textbook", device, dtype, torch.float64)
    return {
        name: float((one.double() - other).norm() / other.norm().clamp(min=1e-3))
        for name, one, other in zip(NAMES, found, expected, strict=True)
    }


def _computed(case, form, device, rounded, dtype):
    """Projections of random numbers that `rounded` can hold, attended to in `dtype`."""
    generator = torch.Generator().manual_seed(case.tokens)

    def drawn(channels):
        x = torch.randn(case.clips, case.tokens, channels, generator=generator)
        return x.to(rounded).to(device, dtype)

    qk = drawn(4 * case.heads * case.d).requires_grad_()
    v = drawn(case.heads * case.value_dim).requires_grad_()
    lam = torch.tensor(0.3, device=device, requires_grad=True)
    mask = case.mask()
    with attention_form(form):
        out = differential_attention(
            qk.unflatten(2, (4 * case.heads, -1)).transpose(1, 2),
            v.unflatten(2, (case.heads, -1)).transpose(1, 2),
            lam,
            None if mask is None else mask.to(device),
        )
    direction = drawn(case.heads * case.value_dim).unflatten(2, (case.heads, -1)).transpose(1, 2)
    return out.detach(), *torch.autograd.grad(out, (qk, v, lam), direction)


def _operator_tests():
    """Run PyTorch's own tests of an operator: schema, fake tensors, gradients, compilation."""
    results = {}
    for name in ("17 tokens of narrow heads", "one token more"):
        case = CASES[name]
        qk = torch.randn(case.clips, 4 * case.heads, case.tokens, case.d, requires_grad=True)
        v = torch.randn(case.clips, case.heads, case.tokens, case.value_dim, requires_grad=True)
        lam = torch.tensor(0.3, requires_grad=True)
        operator = torch.ops.asda.differential_attention.default
        found = torch.library.opcheck(operator, (qk, v, lam, case.mask(), True))
        results[name] = sorted(set(found.values()))
    return results


def compiled_difference(device, backend):
    """Return how far compiled attention and its gradients are from the same as they are."""
    case = CASES["padded student"]
    mask = case.mask().to(device)

    def attend(qk, v, lam):
        with attention_form("triton"):
            return differential_attention(qk, v, lam, mask)

    qk, v = (
        torch.randn(case.clips, heads, case.tokens, 16, device=device, requires_grad=True)
        for heads in (4, 1)
    )
    lam = torch.tensor(0.3, device=device, requires_grad=True)
    out = attend(qk, v, lam), torch.compile(attend, backend=backend, fullgraph=True)(qk, v, lam)
    grads = [torch.autograd.grad(one.square().sum(), (qk, v, lam)) for one in out]
    pairs = [out, *zip(*grads, strict=True)]
    return max(float((one - other).detach().abs().max()) for one, other in pairs)


def _interpret():
    from triton.runtime import interpreter

    patch = interpreter._patch_lang_tensor

    def patched(tensor, scope):
        """Let a number of Triton's be the end of a range: NumPy 2.4 made no int of an array."""
        patch(tensor, scope)
        scope.set_attr(tensor, "__index__", lambda number: int(number.handle.data.item()))

    interpreter._patch_lang_tensor = patched
    found = {
        name: {"float32": differences(case, "cpu", torch.float32)} for name, case in CASES.items()
    }
    for name in ("padded student", "one token more"):  # Triton's interpreter has no bf16
        found[name]["fp16"] = differences(CASES[name], "cpu", torch.float16)
    compiled = compiled_difference("cpu", "aot_eager")
    print(json.dumps({"cases": found, "operator": _operator_tests(), "compiled": compiled}))


if __name__ == "__main__":
    assert os.environ["TRITON_INTERPRET"] == "1"
    with attention_form("triton"):
        pass  # registers the operator
    _interpret()
