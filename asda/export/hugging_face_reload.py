"""A process that uses an exported folder like a user who has only transformers.

    python -m asda.export.hugging_face_reload FOLDER WAVEFORMS.npz OUTPUTS.npz

Modules of asda cannot be imported in it, so that the folder is known to need none.
"""

from __future__ import annotations

import sys

import numpy as np


def main(folder: str, waveforms: str, out: str) -> None:
    """Write the outputs of a batch of waveforms, and the version of transformers.

    Args:
        folder: an exported folder
        waveforms: a file of arrays (samples,) float32 at the model's sample rate
        out: file to write: "outputs", logits (clips, classes) or tokens of an encoder (clips,
            1 + patches, width) float32, and "version"
    """
    for name in [name for name in sys.modules if name.partition(".")[0] == "asda"]:
        sys.modules[name] = None  # type: ignore[assignment]  # a later import then fails
    import torch
    import transformers

    with np.load(waveforms, allow_pickle=False) as content:
        clips = list(content.values())
    code = {"trust_remote_code": True}
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder, **code)
    config = transformers.AutoConfig.from_pretrained(folder, **code)
    classifies = config.architectures == ["AsdaForAudioClassification"]
    kind = "AutoModelForAudioClassification" if classifies else "AutoModel"
    model = getattr(transformers, kind).from_pretrained(folder, **code).eval()
    inputs = extractor(clips, sampling_rate=extractor.sampling_rate, return_tensors="pt")
    with torch.inference_mode():
        result = model(**inputs)
    outputs = result.logits if classifies else result.last_hidden_state
    np.savez(out, outputs=outputs.float().numpy(), version=transformers.__version__)


if __name__ == "__main__":
    main(*sys.argv[1:])
