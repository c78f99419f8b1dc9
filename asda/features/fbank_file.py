"""Read settings of log-mel features from a file: YAML, or the options of compute-fbank-feats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asda.configuration import build, load, nearest
from asda.features.fbank_config import FbankConfig
from asda.files import InputError, numbered_lines

# Kaldi's defaults where they differ from asda's. That the mean of the clip is not subtracted makes
# no difference, since the mean of each frame is.
KALDI: dict[str, Any] = {"num_mel_bins": 23, "window": "povey", "remove_mean": False}
SAME_MEANING = {
    "sample-frequency": "sample_rate",
    "num-mel-bins": "num_mel_bins",
    "frame-length": "frame_length_ms",
    "frame-shift": "frame_shift_ms",
    "window-type": "window",
    "low-freq": "low_freq",
    "high-freq": "high_freq",
    "preemphasis-coefficient": "preemphasis",
    "snip-edges": "snip_edges",
}
# Options of which asda computes one value only.
ONLY = {
    "use-energy": "false",
    "use-log-fbank": "true",
    "use-power": "true",
    "remove-dc-offset": "true",
    "round-to-power-of-two": "true",
    "subtract-mean": "false",
    "min-duration": "0",
    "vtln-warp": "1",
    "channel": "-1",
}
# Without effect on these features; no dither is added.
WITHOUT_EFFECT = [
    "dither",
    "energy-floor",
    "raw-energy",
    "htk-compat",
    "blackman-coeff",
    "allow-downsample",
    "allow-upsample",
    "vtln-low",
    "vtln-high",
    "vtln-map",
    "utt2spk",
    "max-feature-vectors",
    "debug-mel",
    "output-format",
    "verbose",
]


def load_fbank(path: str | Path) -> FbankConfig:
    """Return the settings in a file, in YAML or in the form of Kaldi's conf/fbank.conf.

    The latter has lines `--name=value`, and Kaldi's defaults for what it leaves out. Samples are
    from -1 to 1 in any case, so that features that Kaldi computes itself are larger by 2 ln 32768.

    Raises:
        InputError: naming the line, if asda cannot compute such features.
    """
    if not Path(path).is_file():
        return load(FbankConfig, path)  # which says so
    lines = [(number, line.partition("#")[0].strip()) for number, line in numbered_lines(path)]
    options = [(number, line) for number, line in lines if line]
    if not options or not options[0][1].startswith("--"):
        return load(FbankConfig, path)
    values = dict(KALDI)
    for number, line in options:
        values |= _setting(f"{path}:{number}", line)
    if values.get("high_freq", 0) < 0:  # counted from half the sample rate
        values["high_freq"] += values.get("sample_rate", FbankConfig.sample_rate) / 2
    return build(FbankConfig, values, str(path))


def _setting(where: str, line: str) -> dict[str, Any]:
    """Return the setting that a line `--name=value` stands for; {} if it has no effect here."""
    if not line.startswith("--"):
        raise InputError(f"{where}: expected --name=value as in the lines above, found '{line}'")
    option, equals, text = line[2:].partition("=")
    option, value = option.strip().replace("_", "-"), text.strip() if equals else "true"
    if option in SAME_MEANING:
        return {SAME_MEANING[option]: _value(where, SAME_MEANING[option], value)}
    if option in ONLY:
        if _plain(value) == _plain(ONLY[option]):
            return {}
        raise InputError(
            f"{where}: --{option}={value}: asda supports --{option}={ONLY[option]} only"
        )
    if option in WITHOUT_EFFECT:
        return {}
    known = [f"--{name}" for name in (*SAME_MEANING, *ONLY, *WITHOUT_EFFECT)]
    hint = nearest(f"--{option}", known)
    raise InputError(f"{where}: no option --{option} of compute-fbank-feats{hint}")


def _value(where: str, setting: str, value: str) -> Any:
    default = getattr(FbankConfig, setting)
    if isinstance(default, str):
        return value
    if isinstance(default, bool) and value in ("true", "false"):
        return value == "true"
    number = _plain(value)
    if isinstance(default, bool) or isinstance(number, str):
        raise InputError(f"{where}: '{value}' is no value of this option")
    return int(number) if isinstance(default, int) and number.is_integer() else number


def _plain(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value
