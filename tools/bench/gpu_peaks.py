"""What GPUs could compute at most."""

from __future__ import annotations

# Dense bf16 products with sums in float32, TFLOP/s, by the vendor's data sheets (where they give a
# figure with sparsity alone, half of it). Longer names are looked for first.
PEAKS = {
    "B200": 2250,
    "H200 NVL": 835,
    "H200": 989,
    "GH200": 989,
    "H100 NVL": 835,
    "H100 PCIe": 756,
    "H100": 989,
    "A100": 312,
    "A40": 150,
    "A30": 165,
    "A10": 125,
    "L40S": 362,
    "L40": 181,
    "L4": 121,
    "RTX 4090": 165,
    "RTX 3090": 71,
}


def peak(card: str) -> float | None:
    """Return the peak of a card in operations per second, None if it is not known.

    Args:
        card: as PyTorch names it, such as "NVIDIA H100 80GB HBM3"
    """
    words = f" {card.replace('-', ' ')} "
    for name in sorted(PEAKS, key=len, reverse=True):
        if f" {name} " in words:
            return 1e12 * PEAKS[name]
    return None
