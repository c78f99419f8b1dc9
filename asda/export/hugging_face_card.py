"""The model card of an exported folder: what the model is, how it was trained, and its use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asda.checkpoint.describe import architecture, features
from asda.checkpoint.saved_model import SavedModel
from asda.files import listed, read_json

SHOWN_LABELS = 50
RESULT = Path("score", "result.json")  # beside a model.pt that has been scored
HIDDEN_FACTS = {"from_updates", "platform"}

TAGGING = """\
import numpy as np
from transformers import pipeline

tagger = pipeline("audio-classification", model=".", trust_remote_code=True)
waveform = np.random.default_rng(0).normal(0, 0.1, 2 * {rate}).astype(np.float32)  # mono, 2 s
sound = {{"raw": waveform, "sampling_rate": {rate}}}
for tag in tagger(sound, top_k=3, function_to_apply="{output}"):
    print(f"{{tag['score']:.3f}}  {{tag['label']}}")
"""

EMBEDDING = """\
import numpy as np
import torch
from transformers import AutoFeatureExtractor, AutoModel

extractor = AutoFeatureExtractor.from_pretrained(".", trust_remote_code=True)
encoder = AutoModel.from_pretrained(".", trust_remote_code=True).eval()
draw = np.random.default_rng(0)
clips = [draw.normal(0, 0.1, samples).astype(np.float32) for samples in ({rate}, 2 * {rate})]
inputs = extractor(clips, sampling_rate={rate}, return_tensors="pt")
with torch.inference_mode():
    output = encoder(**inputs)
print(output.pooler_output.shape)      # one vector per clip
print(output.last_hidden_state.shape)  # CLS token and patches by time, then frequency
print(output.token_mask.sum(1))        # how many tokens of each clip are not padding
"""


def model_card(saved: SavedModel, name: str, licence: str) -> str:
    """Return README.md.

    Args:
        saved: the exported model; results are taken from the folder of its file
        name: title of the card
        licence: identifier of the licence on a hub, such as apache-2.0; "" = not stated
    """
    sections = [
        _front_matter(saved, licence),
        f"# {name}",
        _summary(saved, licence),
        _example("Labels for a sound", TAGGING, saved) if saved.head else "",
        _example("Embeddings", EMBEDDING, saved),
        _input(saved),
        _labels(saved),
        _training(saved),
        _results(saved),
    ]
    return "\n\n".join(section for section in sections if section)


def _front_matter(saved: SavedModel, licence: str) -> str:
    task = "audio-classification" if saved.head else "feature-extraction"
    return (
        f"---\nlicense: {licence or 'unknown'}\nlibrary_name: transformers\npipeline_tag: {task}\n"
        "tags:\n- audio\n- asda\n---"
    )


def _summary(saved: SavedModel, licence: str) -> str:
    model = saved.config
    kind = (
        f"A classifier of sounds with {len(saved.labels)} classes"
        if saved.head
        else "A model of audio"
    )
    text = (
        f"{kind} on an audio encoder of {model.depth} blocks of width {model.width} with"
        f" {model.heads} heads each: {architecture(model)}. Written by `asda export`; it needs"
        " torch and transformers, and runs the Python code in this folder (`trust_remote_code`)."
        ' asda itself reads the folder too: `asda.load(".")`.'
    )
    if saved.kind == "encoder" and "encoder" in saved.facts:
        text += f" It is the {saved.facts['encoder']} of the pretrained model."
    return text if licence else f"{text} The licence of the weights has not been stated."


def _example(title: str, code: str, saved: SavedModel) -> str:
    filled = code.format(rate=saved.fbank["sample_rate"], output=saved.output)
    return f'## {title}\n\n`"."` stands for this folder.\n\n```python\n{filled}```'


def _input(saved: SavedModel) -> str:
    longest = saved.data["max_frames"]
    seconds = longest * saved.fbank["frame_shift_ms"] / 1000
    lines = [
        f"- Mono waveforms in [-1, 1): {features(saved.fbank)}.",
        "- Log-mel values are normalised by (x - mean) / (2 std), mean {mean:.4f} and std"
        " {std:.4f}.".format(**saved.normalization),
        f"- Longest input in training: {longest} frames ({seconds:.2f} s).",
    ]
    if saved.data.get("padding") == "fill":
        lines.append("- Shorter clips are filled to that length, as in training.")
    else:
        lines.append("- Clips of a batch are padded to the longest; the mask hides the padding.")
    if saved.head and saved.data.get("long_clips") == "start":
        lines.append("- Only the start of longer clips is classified.")
    elif saved.head:
        lines.append("- Longer clips are classified in windows, whose probabilities are averaged.")
    lines.append(
        "- The pipeline resamples with torchaudio; to get exactly asda's results, resample first"
        + (" with soxr (HQ)." if saved.fbank["resampler"] == "soxr" else " in the same way.")
    )
    return "## Input\n\n" + "\n".join(lines)


def _labels(saved: SavedModel) -> str:
    if not saved.head:
        return ""
    several = "any number of them can be true of a clip (sigmoid)"
    meaning = several if saved.output == "sigmoid" else "one of them is true of a clip (softmax)"
    return f"## Labels\n\n{listed(saved.labels, SHOWN_LABELS)}; {meaning}."


def _training(saved: SavedModel) -> str:
    facts = {k: v for k, v in saved.facts.items() if v not in (None, {}) and k not in HIDDEN_FACTS}
    return "## Training\n\n" + _table(("fact", "value"), facts.items()) if facts else ""


def _results(saved: SavedModel) -> str:
    path = Path(saved.path).parent / RESULT
    if not saved.head or not path.is_file():
        return ""
    result = read_json(path)
    rows = [_row(result["metric_info"][n], entry) for n, entry in result["metrics"].items()]
    where = f"{result['clips']['found']} clips of `{result['provenance']['data']}`"
    text = f"Scored by `asda score` on {where}"
    if interval := result.get("interval"):
        level, unit = 100 * interval["level"], interval["unit"]
        text += f", with intervals of {level:.0f} % by bootstrap over {unit}s"
    return f"## Results\n\n{text}.\n\n" + _table(("metric", "value"), rows)


def _row(info: dict[str, Any], entry: dict[str, Any]) -> tuple[str, str]:
    def shown(value: float) -> str:
        return f"{info['factor'] * value:.{info['digits']}f}"

    if entry.get("value") is None:
        return info["title"], "not defined"
    text = shown(entry["value"])
    if entry.get("low") is not None and entry.get("high") is not None:
        text += f" ({shown(entry['low'])} to {shown(entry['high'])})"
    return info["title"], text


def _table(titles: tuple[str, str], rows: Any) -> str:
    lines = [titles, ("---", "---"), *rows]
    return "\n".join(f"| {left} | {right} |" for left, right in lines)
