"""Import and export give back the reference's tensors, byte for byte.

Positions are computed anew, and numpy's float32 powers and sines differ in the last bit between
processors with and without AVX-512: those of the reference's table at hand may be of another one.
"""

import dataclasses

import pytest
import torch
from checkpoint.reference_files import finetuned, pretraining
from parity import golden

from asda.checkpoint.foreign.fairseq_names import POSITIONS
from asda.checkpoint.load import read_model
from asda.cli import main
from asda.files import InputError


def flat(tensors):
    teacher = tensors.get("_ema", {})
    return {n: t for n, t in tensors.items() if n != "_ema"} | {
        f"_ema.{name}": tensor for name, tensor in teacher.items()
    }


def there_and_back(path, tmp_path):
    model, exported = str(tmp_path / "model.pt"), str(tmp_path / "exported.pt")
    main(["import-checkpoint", str(path), model])
    main(["export", model, exported, "--format", "reference"])
    return torch.load(exported, weights_only=True)


def assert_same(exported, original):
    """Tables of positions come out at full length; the rows of a shorter one lead them.

    An angle is up to 63 with a relative error of 6e-8: 4e-6 in its sine, and what rounding adds.
    """
    exported, original = flat(exported), flat(original)
    assert set(exported) == set(original)
    for name, tensor in original.items():
        found = exported[name]
        if name.endswith(POSITIONS):
            assert found.shape[1] == 6144
            found = found[:, : tensor.shape[1]]
            rounding = torch.finfo(tensor.dtype).eps
            torch.testing.assert_close(found, tensor, rtol=0, atol=4e-6 + rounding)
            continue
        assert found.dtype == tensor.dtype, name
        assert found.shape == tensor.shape, name
        assert found.numpy().tobytes() == tensor.numpy().tobytes(), name


@pytest.mark.slow
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("file", ["checkpoint.pt", "finetuned.pt"])
@pytest.mark.parametrize("name", golden.names("asda", "eat"))
def test_files_of_the_reference(tmp_path, name, file, half):
    path = golden.folder(name, tmp_path) / file
    if half:  # as fp16 training writes them: all but the teacher
        content = torch.load(path, weights_only=True)
        content["model"] = {
            name: value if name == "_ema" else value.half()
            for name, value in content["model"].items()
        }
        path = tmp_path / "half.pt"
        torch.save(content, path)
    content = torch.load(path, weights_only=True)
    exported = there_and_back(path, tmp_path)
    assert_same(exported["model"], content["model"])
    assert set(content["cfg"]["model"]) <= set(exported["cfg"]["model"])


def test_what_is_exported_describes_itself(tmp_path):
    """Geometry, labels, updates and normalisation survive, and a second export is the same."""
    torch.save(finetuned(), tmp_path / "theirs.pt")
    first = there_and_back(tmp_path / "theirs.pt", tmp_path)
    torch.save(first, tmp_path / "theirs2.pt")
    before, after = (read_model(tmp_path / name) for name in ("theirs.pt", "theirs2.pt"))
    assert (before.labels, before.normalization) == (after.labels, after.normalization)
    assert (before.model, before.facts["updates"]) == (after.model, after.facts["updates"])
    second = there_and_back(tmp_path / "theirs2.pt", tmp_path)
    assert_same(second["model"], first["model"])
    assert second["cfg"] == first["cfg"]


@pytest.mark.parametrize("norm", ["clip", "patch"])
def test_the_norm_of_the_targets_is_in_the_cfg(tmp_path, norm):
    content = pretraining()
    content["cfg"]["model"]["instance_norm_target_layer"] = norm == "clip"
    content["cfg"]["model"]["layer_norm_target_layer"] = norm == "patch"
    torch.save(content, tmp_path / "theirs.pt")
    assert read_model(tmp_path / "theirs.pt").model["target_norm"] == norm
    cfg = there_and_back(tmp_path / "theirs.pt", tmp_path)["cfg"]["model"]
    assert cfg["instance_norm_target_layer"] == (norm == "clip")
    assert cfg["layer_norm_target_layer"] == (norm == "patch")


def test_key_table_of_a_base_model(tmp_path):
    """docs/algorithm.md#checkpoint-formats: 212 tensors and 198 of the teacher, or 202."""
    from asda.checkpoint.foreign.fairseq_export import to_reference
    from asda.checkpoint.saved_model import SavedModel
    from asda.configuration import to_dict
    from asda.model.model_config import ModelConfig

    config = ModelConfig().resolved()
    norm = {"mean": 0.0, "std": 1.0}
    labels = [str(index) for index in range(527)]
    pretrained = SavedModel("pretrained", to_dict(config), {}, norm, {}, {}, "tokens")
    head = {"name": "classifier", "pooling": "cls"}
    finetuned = dataclasses.replace(
        pretrained, kind="finetuned", output="sigmoid", labels=labels, head=head
    )
    for saved, counts in ((pretrained, (212, 198)), (finetuned, (202, 0))):
        saved.weights = saved.expected_tensors()
        tensors = to_reference(saved)["model"]
        teacher = tensors.pop("_ema", {})
        assert (len(tensors), len(teacher)) == counts


def test_a_model_the_reference_lacks_is_not_exported(tmp_path):
    torch.save(pretraining(), tmp_path / "theirs.pt")
    model, alone = str(tmp_path / "model.pt"), str(tmp_path / "alone.pt")
    main(["import-checkpoint", str(tmp_path / "theirs.pt"), model])
    saved = read_model(model)
    attention = saved.model["attention"] | {"lambda_init": 0.2}
    changed = dataclasses.replace(saved, model=saved.model | {"attention": attention})
    from asda.checkpoint.foreign.fairseq_export import to_reference

    with pytest.raises(InputError, match=r"model\.attention\.lambda_init"):
        to_reference(changed)
    head = {"name": "classifier", "pooling": "mean", "layers": "all"}
    classifier = dataclasses.replace(saved, kind="finetuned", head=head)
    with pytest.raises(InputError, match=r"pooling mean, layers all\) that the reference"):
        to_reference(classifier)
    main(["import-checkpoint", model, alone, "--encoder", "teacher"])
    assert torch.equal(
        read_model(alone).weights["encoder.norm.bias"], saved.weights["teacher.norm.bias"]
    )
    with pytest.raises(InputError, match="an encoder alone"):
        to_reference(read_model(alone))
