"""Checkpoints with random tensors, as docs/algorithm.md#checkpoint-formats lists them."""

import torch

X = "modality_encoders.IMAGE."


def positions(width, rows):
    """docs/algorithm.md#positions in float64: frequency in the first half of the channels."""
    omega = 10000.0 ** (-torch.arange(width // 4, dtype=torch.float64) / (width // 4))
    index = torch.arange(rows)
    angles = [(index % 8)[:, None] * omega, (index // 8)[:, None] * omega]
    parts = [f(angle) for angle in angles for f in (torch.sin, torch.cos)]
    return torch.cat(parts, dim=1).float()[None]


def encoder_shapes(form, width, depth):
    hidden = int((3.5 if form == "asda" else 4) * width)
    shapes = {
        f"{X}extra_tokens": (1, 1, width),
        f"{X}local_encoder.proj.weight": (width, 1, 16, 16),
        f"{X}local_encoder.proj.bias": (width,),
        f"{X}context_encoder.norm.weight": (width,),
        f"{X}context_encoder.norm.bias": (width,),
    }
    layers = {"attn.proj": (width, width), "mlp.fc1": (hidden, width), "mlp.fc2": (width, hidden)}
    if form == "asda":
        layers |= {"attn.qk": (4 * width, width), "attn.v": (width, width)}
    else:
        layers |= {"attn.qkv": (3 * width, width)}
    norms = ["norm1", "norm2"] + ["attn.norm"] * (form == "asda")
    for block in range(depth):
        for name, shape in layers.items():
            shapes[f"blocks.{block}.{name}.weight"] = shape
            shapes[f"blocks.{block}.{name}.bias"] = shape[:1]
        for name in norms:
            shapes[f"blocks.{block}.{name}.weight"] = (width,)
            shapes[f"blocks.{block}.{name}.bias"] = (width,)
    return shapes


def decoder_shapes(width, layers, kernel):
    shapes = {f"{X}decoder.proj.weight": (width, width), f"{X}decoder.proj.bias": (width,)}
    for layer in range(layers):
        shapes[f"{X}decoder.blocks.{layer}.0.weight"] = (width, width // 16, kernel, kernel)
        shapes[f"{X}decoder.blocks.{layer}.0.bias"] = (width,)
    return shapes


def random_tensors(shapes, dtype):
    return {name: (0.1 * torch.randn(shape)).to(dtype) for name, shape in shapes.items()}


def pretraining_cfg(form, width, depth, layers, kernel):
    decoder = {"decoder_dim": width, "decoder_groups": 16, "decoder_kernel": kernel}
    image = {
        "mask_prob": 0.8,
        "mask_prob_adjust": 0.07,
        "mask_length": 5,
        "mask_noise_std": 0.01,
        "decoder": decoder | {"decoder_layers": layers},
    }
    return {
        "task": {"_name": "mae_image_pretraining", "target_length": 1024},
        "model": {
            "_name": "data2vec_multi",
            "depth": depth,
            "embed_dim": width,
            "num_heads": width // 16 if width < 256 else width // 64,
            "mlp_ratio": 4.0,
            "average_top_k_layers": depth,
            "clone_batch": 16,
            "cls_loss": 0.5 if form == "asda" else 1.0,
            "layer_norm_first": False,
            "modalities": {"image": image},
        },
    }


def pretraining(form="asda", width=64, depth=2, layers=2, kernel=3, dtype=torch.float32, rows=6144):
    """The content of a pretraining checkpoint; SSLAM's have the EAT form."""
    encoder = encoder_shapes(form, width, depth)
    model = random_tensors(encoder | decoder_shapes(width, layers, kernel), dtype)
    table = f"{X}fixed_positional_encoder.positions"
    teacher = random_tensors(encoder, torch.float32) | {table: positions(width, rows)}
    return {
        "args": None,
        "cfg": pretraining_cfg(form, width, depth, layers, kernel),
        "model": model | {table: positions(width, rows).to(dtype), "_ema": teacher},
        "optimizer_history": [{"num_updates": 1234}],
        "task_state": {},
        "extra_state": {},
    }


def finetuned(form="asda", width=64, depth=2, classes=5, dtype=torch.float32, rows=6144):
    """The content of a fine-tuned checkpoint."""
    shapes = {f"model.{name}": s for name, s in encoder_shapes(form, width, depth).items()}
    shapes |= {"fc_norm.weight": (width,), "fc_norm.bias": (width,)}
    shapes |= {"head.weight": (classes, width), "head.bias": (classes,)}
    model = random_tensors(shapes, dtype)
    model[f"model.{X}fixed_positional_encoder.positions"] = positions(width, rows).to(dtype)
    args = {"num_classes": classes, "prediction_mode": "CLS_TOKEN"}
    args["pretrained_model_args"] = pretraining_cfg(form, width, depth, 2, 3)
    return {
        "cfg": {"task": {"target_length": 512, "norm_mean": -6.627, "norm_std": 5.359}}
        | {"model": args},
        "model": model,
        "task_state": {"labels": {f"/m/{index}": str(index) for index in range(classes)}},
        "optimizer_history": [{"num_updates": 99}],
    }


def eat_export(width=128, depth=2, classes=0):
    """The tensors of a Hugging Face export of EAT."""
    renamed = {
        name.replace(X, "").replace("context_encoder.norm", "pre_norm"): shape
        for name, shape in encoder_shapes("eat", width, depth).items()
    }
    if classes:
        renamed |= {"fc_norm.weight": (width,), "fc_norm.bias": (width,)}
        renamed |= {"head.weight": (classes, width), "head.bias": (classes,)}
    tensors = random_tensors({f"model.{n}": s for n, s in renamed.items()}, torch.float32)
    return tensors | {"model.fixed_positional_encoder.positions": positions(width, 6144)}
