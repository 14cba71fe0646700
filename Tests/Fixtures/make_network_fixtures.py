"""Writes Tests/Fixtures/networks/*.safetensors: what PyTorch computes for a small vision transformer, for
optimisers and for learning-rate schedules. Needs torch and safetensors; run from anywhere:

    python3 Tests/Fixtures/make_network_fixtures.py
    python3 Tests/Fixtures/make_network_fixtures.py --paper FOLDER   # also the paper's sizes, not kept

Everything is computed in float64 and stored as float32. The transformer is written out here from PyTorch's
own layers (nn.Linear, nn.LayerNorm, GELU, softmax), with the names that the Swift networks use.
"""

import argparse
import json
import pathlib

import torch
from safetensors.torch import save_file
from torch import nn

FOLDER = pathlib.Path(__file__).parent / "networks"


class Block(nn.Module):
    def __init__(self, width, heads, hidden):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.norm2 = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def attention(self, x):
        batch, positions, width = x.shape
        split = self.qkv(x).reshape(batch, positions, 3, self.heads, width // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-1, -2) * (width // self.heads) ** -0.5).softmax(dim=-1)
        return (weights @ v).transpose(1, 2).reshape(batch, positions, width)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.fc2(nn.functional.gelu(self.fc1(self.norm2(x))))


class Embedding(nn.Module):
    def __init__(self, channels, patch, width):
        super().__init__()
        self.patch = patch
        self.proj = nn.Linear(patch * patch * channels, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, images):
        batch, channels, height, width = images.shape
        p = self.patch
        cut = images.reshape(batch, channels, height // p, p, width // p, p)
        return self.norm(self.proj(cut.permute(0, 2, 4, 3, 5, 1).reshape(batch, -1, p * p * channels)))


class VisionTransformer(nn.Module):
    def __init__(self, size, channels, patch, width, depth, heads, hidden):
        super().__init__()
        self.embed = Embedding(channels, patch, width)
        self.cls = nn.Parameter(torch.zeros(width))
        self.pos = nn.Parameter(torch.zeros(1 + (size // patch) ** 2, width))
        self.blocks = nn.ModuleList(Block(width, heads, hidden) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, images):
        x = self.embed(images)
        x = torch.cat([self.cls.expand(len(x), 1, -1), x], dim=1) + self.pos
        for block in self.blocks:
            x = block(x)
        return self.norm(x)[:, 0]


def stored(tensors):
    return {name: tensor.detach().to(torch.float32).contiguous() for name, tensor in tensors.items()}


def transformer(path, batch, **sizes):
    """Parameters far from their initial values, so that no part of the network is close to the identity."""
    torch.manual_seed(1)
    network = VisionTransformer(**sizes).double()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.ndim == 1 or name == "pos":
                mean = 1 if name.endswith("norm.weight") else 0
                parameter.copy_(torch.randn_like(parameter) * 0.3 + mean)
            else:
                parameter.copy_(torch.randn_like(parameter) * parameter.shape[1] ** -0.5)
            parameter.copy_(parameter.float())
    images = torch.randn(batch, sizes["channels"], sizes["size"], sizes["size"]).double().requires_grad_()
    slope = torch.randn(batch, sizes["width"]).double()
    embedding = network(images)
    (embedding * slope).sum().backward()
    tensors = {"images": images, "slope": slope, "embedding": embedding, "gradient.images": images.grad}
    tensors |= {f"state.{name}": parameter for name, parameter in network.named_parameters()}
    tensors |= {f"gradient.{name}": parameter.grad for name, parameter in network.named_parameters()}
    save_file(stored(tensors), path, metadata={"sizes": json.dumps(sizes)})


def trajectory(tensors, name, make, maximum_norm=None, steps=12):
    """Two parameters under given gradients: their values after each step, the gradients' norm unclipped."""
    torch.manual_seed(2)
    parameters = [torch.randn(7).double().requires_grad_(), torch.randn(3, 5).double().requires_grad_()]
    for parameter in parameters:
        parameter.data = parameter.data.float().double()
    gradients = [
        [(torch.randn_like(p) * (0.3 + step % 3)).float().double() for p in parameters]
        for step in range(steps)
    ]
    optimiser = make(parameters)
    rows = {"a": [parameters[0].detach().clone()], "b": [parameters[1].detach().clone()]}
    norms = []
    for step in range(steps):
        for parameter, gradient in zip(parameters, gradients[step]):
            parameter.grad = gradient.clone()
        bound = float("inf") if maximum_norm is None else maximum_norm
        norms.append(torch.nn.utils.clip_grad_norm_(parameters, bound))
        for group in optimiser.param_groups:
            group["lr"] = 0.05 / (1 + step)
        optimiser.step()
        for key, parameter in zip(rows, parameters):
            rows[key].append(parameter.detach().clone())
    tensors[f"{name}.a"], tensors[f"{name}.b"] = torch.stack(rows["a"]), torch.stack(rows["b"])
    tensors[f"{name}.norms"] = torch.stack(norms)
    for i, key in enumerate("ab"):
        tensors[f"gradients.{key}"] = torch.stack([gradients[step][i] for step in range(steps)])


def optimisers(path):
    tensors = {}

    def adamw(name, maximum_norm=None, **settings):
        trajectory(tensors, name, lambda p: torch.optim.AdamW(p, lr=1, **settings), maximum_norm)

    def sgd(name, maximum_norm=None, **settings):
        trajectory(tensors, name, lambda p: torch.optim.SGD(p, lr=1, **settings), maximum_norm)

    adamw("adamw", weight_decay=0.1)
    adamw("adamw-other", betas=(0.8, 0.95), eps=1e-3, weight_decay=0)
    adamw("adamw-clipped", maximum_norm=2.5, weight_decay=0.01)
    sgd("sgd", momentum=0)
    sgd("sgd-momentum", momentum=0.9, weight_decay=0.05)
    sgd("sgd-nesterov", momentum=0.8, weight_decay=0.05, nesterov=True)
    sgd("sgd-clipped", maximum_norm=2.5, momentum=0.9)
    save_file(stored(tensors), path)


def factors(make, steps):
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = make(optimiser)
    values = []
    for step in range(steps):
        values.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        if step + 1 < steps:
            schedule.step()
    return torch.tensor(values, dtype=torch.float64)


def schedules(path):
    """Learning rates for a base rate of 1: the first three by epoch, the others by step of 6 x 10 steps."""
    rate = torch.optim.lr_scheduler

    def one_cycle(**settings):
        return lambda o: rate.OneCycleLR(o, max_lr=1, total_steps=60, cycle_momentum=False, **settings)

    save_file(
        stored({
            "cosine": factors(lambda o: rate.CosineAnnealingLR(o, T_max=10), 31),
            "cosine-minimum": factors(lambda o: rate.CosineAnnealingLR(o, T_max=8, eta_min=0.1), 21),
            "multistep": factors(lambda o: rate.MultiStepLR(o, milestones=[3, 5, 9], gamma=0.2), 12),
            "cosine-to-zero": factors(lambda o: rate.CosineAnnealingLR(o, T_max=59), 60),
            "one-cycle": factors(one_cycle(), 60),
            "one-cycle-other": factors(one_cycle(pct_start=0.1, div_factor=10, final_div_factor=100), 60),
            "warm-up": factors(lambda o: rate.LinearLR(o, start_factor=1 / 20, total_iters=19), 20),
        }), path)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--paper", type=pathlib.Path)
    paper = arguments.parse_args().paper
    FOLDER.mkdir(exist_ok=True)
    small = {"size": 12, "channels": 3, "patch": 4, "width": 20, "depth": 3, "heads": 2, "hidden": 28}
    transformer(FOLDER / "transformer.safetensors", 5, **small)
    grey = {"size": 8, "channels": 1, "patch": 2, "width": 12, "depth": 1, "heads": 3, "hidden": 9}
    transformer(FOLDER / "transformer-grey.safetensors", 2, **grey)
    optimisers(FOLDER / "optimisers.safetensors")
    schedules(FOLDER / "schedules.safetensors")
    if paper:
        sizes = {"size": 32, "channels": 3, "patch": 4, "width": 256, "depth": 7, "heads": 8, "hidden": 512}
        transformer(paper / "paper.safetensors", 8, **sizes)
