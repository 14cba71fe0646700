"""Writes Tests/Fixtures/networks/*.safetensors: what PyTorch computes for a small vision transformer, for
convolutions, normalisation and pooling, for residual networks, for optimisers and for learning-rate schedules.
Needs torch, numpy and safetensors; run from anywhere:

    python3 Tests/Fixtures/make_network_fixtures.py
    python3 Tests/Fixtures/make_network_fixtures.py --paper FOLDER   # also the paper's sizes, not kept

Everything is computed in float64 and stored as float32. The transformer is written out here from PyTorch's
own layers (nn.Linear, nn.LayerNorm, GELU, softmax), with the names that the Swift networks use; the residual
network is torchvision's ResNet18 (its names and its order), with the stem for small images and without `fc`.
"""

import argparse
import json
import pathlib

import numpy
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


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        out = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (out + (x if self.downsample is None else self.downsample(x))).relu()


class ResNet(nn.Module):
    """ResNet18 where `width` is 64; with `large`, with torchvision's stem."""

    def __init__(self, width=64, large=False):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False) if large else nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.pool = nn.MaxPool2d(3, 2, 1) if large else nn.Identity()
        self.bn1 = nn.BatchNorm2d(width)
        inputs = width
        for stage in range(4):
            outputs = width << stage
            blocks = [BasicBlock(inputs, outputs, 1 if stage == 0 else 2), BasicBlock(outputs, outputs, 1)]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
            inputs = outputs

    def forward(self, x):
        x = self.pool(self.bn1(self.conv1(x)).relu())
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return x.mean((2, 3))


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


def channels_last(tensor):
    """As the Swift layers hold images: [batch, height, width, channels]."""
    return tensor.permute(0, 2, 3, 1)


def layers(path):
    """Convolutions, batch normalisation and pooling: inputs, values, and the gradients of sum(value * upstream)."""
    torch.manual_seed(3)
    tensors = {}

    def normal(*shape, mean=0):
        return (torch.randn(*shape) + mean).double().requires_grad_()

    def keep(name, value, images, others, settings):
        upstream = torch.randn(value.shape).double()
        inputs = images | others
        gradients = torch.autograd.grad((value * upstream).sum(), inputs.values())
        for (key, tensor), gradient in zip(inputs.items(), gradients):
            order = channels_last if key in images else lambda x: x
            tensors[f"{name}.{key}"], tensors[f"{name}.gradient.{key}"] = order(tensor), order(gradient)
        tensors[f"{name}.value"], tensors[f"{name}.upstream"] = channels_last(value), channels_last(upstream)
        tensors[f"{name}.settings"] = torch.tensor(settings)

    shapes = {"3x3": (3, 8, 7, 3, 5, 3, 1, 1), "strided": (2, 9, 8, 4, 6, 3, 2, 1), "pointwise": (2, 6, 6, 7, 4, 1, 2, 0),
              "wide": (2, 5, 9, 2, 3, 5, 3, 4)}
    for name, (batch, height, width, channels, outputs, kernel, stride, padding) in shapes.items():
        x, weight = normal(batch, channels, height, width), normal(outputs, channels, kernel, kernel)
        bias = normal(outputs)
        value = nn.functional.conv2d(x, weight, bias, stride, padding)
        keep(f"convolution.{name}", value, {"x": x}, {"weight": weight, "bias": bias}, [stride, padding])

    for name in ("training", "evaluation", "fused"):
        norm = nn.BatchNorm2d(5, momentum=0.3, eps=1e-3).double()
        norm.weight.data, norm.bias.data = normal(5, mean=1).data, normal(5).data
        norm.running_mean.data, norm.running_var.data = normal(5).data, normal(5).data.abs() + 0.5
        tensors |= {f"normalisation.{name}.before.{key}": value.clone() for key, value in norm.named_buffers()}
        x, residual = normal(3, 5, 4, 3, mean=2), normal(3, 5, 4, 3)
        norm.train(name != "evaluation")
        value, images = norm(x), {"x": x}
        if name == "fused":
            value, images = (value + residual).relu(), {"x": x, "residual": residual}
        keep(f"normalisation.{name}", value, images, {"weight": norm.weight, "bias": norm.bias}, [])
        tensors |= {f"normalisation.{name}.after.{key}": value for key, value in norm.named_buffers()}

    for name, pool in {"maximum": nn.functional.max_pool2d, "average": nn.functional.avg_pool2d}.items():
        for case, (size, stride, padding) in {"plain": (2, 2, 0), "overlapping": (3, 2, 1), "dense": (3, 1, 0)}.items():
            x = normal(2, 3, 7, 6)
            keep(f"{name}.{case}", pool(x, size, stride, padding), {"x": x}, {}, [size, stride, padding])
    save_file(stored(tensors), path)


def residual_network(folder, name="resnet", width=2, batch=5, sides=(12, 12), large=False, seed=4):
    """A state_dict as PyTorch saves it, and apart from it what comes out of it: in evaluation, and in a step of
    training with all gradients and the running statistics that it leaves."""
    torch.manual_seed(seed)
    network = ResNet(width, large)
    with torch.no_grad():
        for entry, tensor in network.state_dict().items():
            if entry.endswith("running_var"):
                tensor.copy_(torch.rand_like(tensor) + 0.5)
            elif tensor.ndim == 1:
                tensor.copy_(torch.randn_like(tensor) * 0.3 + (1 if entry.endswith("weight") else 0))
            elif tensor.ndim == 4:
                tensor.copy_(torch.randn_like(tensor) * tensor[0].numel() ** -0.5)
    save_file(network.state_dict(), folder / f"{name}-state.safetensors")
    images = torch.randn(batch, 3, *sides)
    slope = torch.randn(batch, 8 * width)
    save_file(stored(residual_results(network, images, slope)), folder / f"{name}.safetensors")


def residual_results(network, images, slope):
    network = network.double().eval()
    images, slope = images.double().requires_grad_(), slope.double()
    tensors = {"images": images, "slope": slope, "evaluation": network(images).detach()}
    embedding = network.train()(images)
    (embedding * slope).sum().backward()
    tensors |= {"training": embedding, "gradient.images": images.grad}
    tensors |= {f"gradient.{name}": parameter.grad for name, parameter in network.named_parameters()}
    buffers = {f"after.{name}": buffer for name, buffer in network.named_buffers() if not name.endswith("tracked")}
    return tensors | buffers


def formula(shape, seed):
    """Numbers in [-1, 1) that the test repeats bit for bit: a hash of the index, multiples of 2^-23."""
    x = numpy.arange(int(numpy.prod(shape)), dtype=numpy.uint32) + numpy.uint32(seed * 0x01000193 % 2**32)
    x = (x ^ (x >> numpy.uint32(16))) * numpy.uint32(0x7FEB352D)
    x = (x ^ (x >> numpy.uint32(15))) * numpy.uint32(0x846CA68B)
    x = x ^ (x >> numpy.uint32(16))
    return torch.from_numpy((x >> numpy.uint32(8)).astype(numpy.float64) * 2.0**-23 - 1).reshape(shape)


def full_residual_network(path, batch=4):
    """ResNet18 at its full size, its state a formula: tensor number n of the state (without the counters) is
    `centre + deviation * formula(shape, n)` in float32. Of each gradient, its norm and its inner product with
    another formula are kept."""
    network = ResNet(64)
    state = [(name, t) for name, t in network.state_dict().items() if not name.endswith("num_batches_tracked")]
    for number, (name, tensor) in enumerate(state):
        centre, deviation = (1, 0.25) if name.endswith("running_var") else (0, 0.25)
        if tensor.ndim == 4:
            deviation = 0.125 if tensor.shape[2] == 1 else 0.03125
        elif name.endswith("weight"):
            centre, deviation = 1, 0.5
        tensor.copy_(centre + deviation * formula(tensor.shape, number))
    images, slope = 2 * formula((batch, 3, 32, 32), 1000), formula((batch, 512), 1001)
    results = residual_results(network, images, slope)
    tensors = {name: results[name] for name in ("evaluation", "training")}
    for name, gradient in results.items():
        if name.startswith("gradient."):
            direction = formula(gradient.shape, 1002)
            tensors[name] = torch.stack([gradient.norm(), (gradient * direction).sum()])
        elif name.startswith("after."):
            tensors[name] = (results[name] * formula(results[name].shape, 1003)).sum()
    save_file(stored(tensors), path)


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
    layers(FOLDER / "layers.safetensors")
    residual_network(FOLDER)
    # Odd sides, and not the same: every stage rounds.
    residual_network(FOLDER, "resnet-large", batch=3, sides=(43, 38), large=True, seed=5)
    full_residual_network(FOLDER / "resnet18.safetensors")
    optimisers(FOLDER / "optimisers.safetensors")
    schedules(FOLDER / "schedules.safetensors")
    if paper:
        sizes = {"size": 32, "channels": 3, "patch": 4, "width": 256, "depth": 7, "heads": 8, "hidden": 512}
        transformer(paper / "paper.safetensors", 8, **sizes)
