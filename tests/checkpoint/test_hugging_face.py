"""Safetensors files, and EAT as exported to Hugging Face."""

import json
import struct

import pytest
import torch
from checkpoint.reference_files import eat_export

from asda.checkpoint import tensor_files
from asda.checkpoint.foreign.safetensors import read_safetensors
from asda.checkpoint.load import read_model
from asda.checkpoint.saved_model import load_weights
from asda.files import InputError
from asda.model.classifier import Classifier

NAMES = {torch.float32: "F32", torch.float16: "F16", torch.int64: "I64"}


def header_and_data(tensors):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, tensor in tensors.items():
        raw = tensor.numpy().tobytes()
        offsets = [len(data), len(data) + len(raw)]
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape)}
        header[name]["data_offsets"] = offsets
        data += raw
    return header, data


def write(path, header, data):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def test_tensors_of_all_kinds(path):
    tensors = {
        "a": torch.randn(2, 3),
        "b": torch.randn(4).half(),
        "c": torch.tensor(7),
        "d": torch.zeros(0, 5),
    }
    found = read_safetensors(write(path, *header_and_data(tensors)))
    assert list(found) == list(tensors)
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


def spoilt(**changes):
    header, data = header_and_data({"a": torch.zeros(4), "b": torch.zeros(2)})
    header["a"] |= changes
    return header, data


@pytest.mark.parametrize(
    ("header", "data"),
    [
        spoilt(shape=[5]),
        spoilt(shape=[-2, -2]),
        spoilt(shape=[2**62, 2**62]),
        spoilt(shape="4"),
        spoilt(dtype="F64"),
        spoilt(dtype="Q7"),
        spoilt(data_offsets=[0, 12]),
        spoilt(data_offsets=[8, 24]),
        spoilt(data_offsets=[-16, 0]),
        spoilt(data_offsets=None),
        (spoilt()[0], bytes(20)),
        (spoilt()[0], bytes(28)),
        (b"not json", b""),
        (b"[1, 2]", b""),
        (b'{"a": 3}', b""),
        (b"[" * 5000, b""),
    ],
)
def test_sizes_that_do_not_add_up(path, header, data):
    write(path, header, data)
    with pytest.raises(InputError, match="truncated, damaged or not a safetensors file") as caught:
        read_model(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\x05", struct.pack("<Q", 2**63), b"PK\x03\x04" * 9])
def test_files_without_header(path, content):
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a safetensors file"):
        read_model(path)


@pytest.mark.slow
def test_an_encoder(path, tmp_path):
    tensors = eat_export(width=128)
    saved = read_model(write(path, *header_and_data(tensors)))
    config = saved.config
    assert (saved.kind, config.depth, config.width, config.heads) == ("encoder", 2, 128, 2)
    assert (config.mlp_ratio, config.attention.kind) == (4.0, "standard")
    network = read_model(path).build()
    assert torch.equal(network.norm.bias, tensors["model.pre_norm.bias"])
    assert torch.equal(network.blocks[1].attn.qkv.weight, tensors["model.blocks.1.attn.qkv.weight"])
    tensor_files.save(saved.content(), tmp_path / "model.pt")
    assert read_model(tmp_path / "model.pt").kind == "encoder"


@pytest.mark.slow
def test_fine_tuning_starts_from_it(path):
    saved = read_model(write(path, *header_and_data(eat_export())))
    classifier = Classifier(saved.config, 3, "cls")
    load_weights(classifier.encoder, saved.encoder_weights(), path)
    assert torch.equal(classifier.encoder.cls_token, saved.weights["encoder.cls_token"])
    with pytest.raises(InputError, match="holds one encoder"):
        saved.encoder_weights("teacher")


def test_a_classifier(path):
    write(path, *header_and_data(eat_export(classes=4)))
    assert read_model(path).build()(torch.zeros(1, 32, 128)).shape == (1, 4)
    with pytest.raises(InputError, match="holds one encoder"):
        read_model(path).build("teacher")


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        ("model.blocks.0.norm1.bias", None, "1 missing: model.blocks.0.norm1.bias"),
        ("model.pre_norm.weight", (64,), "model.pre_norm.weight (64,), expected (128,)"),
        ("model.blocks.0.attn.q_norm.bias", (9,), "1 unexpected: model.blocks.0.attn.q_norm.bias"),
        ("model.blocks.0.mlp.fc1.weight", None, "no matrix model.blocks.0.mlp.fc1.weight"),
        ("model.head.weight", (3, 128), "3 missing: model.fc_norm.bias, model.fc_norm.weight"),
        ("model.fixed_positional_encoder.positions", (1, 8, 128), "not the fixed sine and cosine"),
        ("model.local_encoder.proj.weight", None, "expected a model.pt of asda"),
    ],
)
def test_other_tensors_are_refused_by_name(path, name, shape, said):
    tensors = eat_export()
    tensors.pop(name, None)
    if shape:
        tensors[name] = torch.randn(shape)
    with pytest.raises(InputError) as caught:
        read_model(write(path, *header_and_data(tensors)))
    assert said in str(caught.value)
