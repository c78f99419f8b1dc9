"""The rows of numbers that a run reports: which quantities there are, and their curves."""

from __future__ import annotations

History = list[dict[str, float]]  # {"update": n, "train/loss": ...} in the order of reporting
GROUPS = ("train", "valid")
RISING = ("accuracy", "mAP", "AUC")  # quantities whose largest value is the best


def quantities(history: History) -> list[str]:
    """Return the names of all quantities, such as "loss", in alphabetical order."""
    names = {key for row in history for key in row if key != "update"}
    return sorted({name.split("/", 1)[1] for name in names})


def curve(history: History, group: str, quantity: str) -> tuple[list[float], list[float]]:
    """Return updates and values of a quantity; both are empty if it was not reported.

    Args:
        history: rows of a run
        group: "train" or "valid"
        quantity: name
    """
    rows = [row for row in history if f"{group}/{quantity}" in row]
    return [row["update"] for row in rows], [row[f"{group}/{quantity}"] for row in rows]


def best_point(history: History, quantity: str) -> tuple[float, float] | None:
    """Return update and value of the best validation result.

    None if there is no such result, or the quantity is neither a loss nor a metric of classifiers.
    """
    updates, values = curve(history, "valid", quantity)
    rising = quantity in RISING
    if not values or not (rising or quantity.endswith("loss")):
        return None
    at = values.index(max(values) if rising else min(values))
    return updates[at], values[at]
