"""Writes Tests/Fixtures/tensors: what PyTorch computes in float64 for every differentiable operation, and what an
independent xoshiro256++ gives. Needs torch and safetensors; run from anywhere:

    python3 Tests/Fixtures/make_tensor_fixtures.py

For a case: its inputs `name.input.0`, ..., its result `name.value`, a weight for every element of the result
`name.upstream`, and the gradients of sum(value * upstream), `name.gradient.0`, ...; stored as float32. The inputs are
rounded to float32 before anything is computed from them.
"""

import json
import pathlib

import torch
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).parent / "tensors"
generator = torch.Generator().manual_seed(20240607)
kept = {}


def normal(*shape):
    return torch.randn(*shape, generator=generator)


def positive(*shape):
    return torch.rand(*shape, generator=generator) * 2 + 0.3


def apart(*shape):
    """All values differ by 0.1 at least, and none is near 0: no kink within reach of a finite difference."""
    count = torch.Size(shape).numel()
    values = (torch.randperm(count, generator=generator) - count / 2) * 0.1
    return (values + torch.where(values >= 0, 0.05, -0.05)).reshape(shape)


def case(name, function, *inputs):
    inputs = [x.to(torch.float32).to(torch.float64).requires_grad_() for x in inputs]
    value = function(*inputs)
    upstream = torch.randn(value.shape, generator=generator).to(torch.float64)
    gradients = torch.autograd.grad((value * upstream).sum(), inputs)
    for i, (x, gradient) in enumerate(zip(inputs, gradients)):
        keep(f"{name}.input.{i}", x)
        keep(f"{name}.gradient.{i}", gradient)
    keep(f"{name}.value", value)
    keep(f"{name}.upstream", upstream)


def keep(name, tensor):
    kept[name] = tensor.detach().to(torch.float32).contiguous().clone()


case("add", lambda a, b: a + b, normal(3, 4), normal(4))
case("subtract", lambda a, b: a - b, normal(2, 1, 3), normal(4, 1))
case("multiply", lambda a, b: a * b, normal(2, 3, 1), normal(2, 1, 4))
case("multiplySame", lambda a, b: a * b, normal(3, 5), normal(3, 5))
case("divide", lambda a, b: a / b, normal(3, 4), positive(3, 1))
case("maximum", torch.maximum, apart(4, 5), apart(4, 1) + 0.03)
case("numbers", lambda x: 3 - 2 * (x + 0.5) / 4 - 1, normal(7))
case("reciprocal", lambda x: 2 / x, positive(2, 3))
case("negated", lambda x: -x, normal(5))
case("exp", torch.exp, normal(3, 7))
case("log", torch.log, positive(3, 7))
case("sqrt", torch.sqrt, positive(3, 7))
case("tanh", torch.tanh, 2 * normal(3, 7))
case("squared", torch.square, normal(3, 7))
case("gelu", torch.nn.functional.gelu, torch.linspace(-6, 6, 49))
case("relu", torch.relu, apart(3, 7))
case("reshaped", lambda x: x.reshape(4, 3), normal(2, 6))
case("transposed", lambda x: x.transpose(-1, -2), normal(2, 3, 4))
case("permuted", lambda x: x.permute(2, 0, 3, 1), normal(2, 3, 4, 2))
case("slicedFirst", lambda x: x[1:3], normal(4, 3))
case("slicedMiddle", lambda x: x[:, 1:4], normal(2, 5, 3))
case("concatenatedFirst", lambda a, b: torch.cat([a, b]), normal(2, 3), normal(1, 3))
case("concatenatedLast", lambda a, b, c: torch.cat([a, b, c], -1), normal(2, 3), normal(2, 1), normal(2, 2))
case("gathered", lambda x: x[[2, 0, 2, 2, 1]], normal(4, 3))
case("sum", torch.sum, normal(3, 4))
case("sumFirst", lambda x: x.sum(0), normal(3, 4, 2))
case("sumMiddleKept", lambda x: x.sum(1, keepdim=True), normal(3, 4, 2))
case("mean", torch.mean, normal(3, 4))
case("meanLast", lambda x: x.mean(-1), normal(3, 4, 2))
case("maxMiddle", lambda x: x.amax(1), apart(3, 4, 2))
case("softmax", lambda x: x.softmax(-1), 3 * normal(2, 3, 5))
case("softmaxWide", lambda x: x.softmax(-1), 3 * normal(3, 65))
case("logSoftmax", lambda x: x.log_softmax(-1), 3 * normal(4, 9))
case("logSumExp", lambda x: x.logsumexp(-1), 3 * normal(2, 4, 9))
case("normalised", lambda x: torch.nn.functional.normalize(x, dim=-1), normal(4, 7))
layer_norm = torch.nn.functional.layer_norm
case("layerNorm", lambda x, s, b: layer_norm(x, (7,), s, b), normal(2, 3, 7), normal(7), normal(7))
case("layerNormWide", lambda x, s, b: layer_norm(x, (130,), s, b), normal(5, 130), normal(130), normal(130))
case("linear", torch.nn.functional.linear, normal(2, 3, 4), normal(5, 4), normal(5))
case("linearPlain", torch.nn.functional.linear, normal(3, 4), normal(2, 4))
for lead_a, lead_b, kind in [((), (), "plain"), ((2, 2), (2, 2), "batched"), ((3,), (), "shared")]:
    for transpose_a in (False, True):
        for transpose_b in (False, True):
            a = normal(*lead_a, *((4, 3) if transpose_a else (3, 4)))
            b = normal(*lead_b, *((2, 4) if transpose_b else (4, 2)))
            case(
                f"matmul.{kind}.{'T' if transpose_a else 'N'}{'T' if transpose_b else 'N'}",
                lambda a, b, ta=transpose_a, tb=transpose_b: (a.mT if ta else a) @ (b.mT if tb else b),
                a, b)
# Several uses of one tensor, and sums that must go back through all of them.
case("shared", lambda x, y: (x * y + x).exp() * x - (x * y) * (x * y), 0.5 * normal(3, 4), 0.5 * normal(4))

MASK = (1 << 64) - 1


def split_mix(state):
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def xoshiro(seed, count):
    mixer = split_mix(seed)
    s = [next(mixer) for _ in range(4)]

    def rotated(x, k):
        return ((x << k) | (x >> (64 - k))) & MASK

    values = []
    for _ in range(count):
        values.append((rotated((s[0] + s[3]) & MASK, 23) + s[0]) & MASK)
        t = (s[1] << 17) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotated(s[3], 45)
    return values


FOLDER.mkdir(exist_ok=True)
save_file(kept, FOLDER / "operations.safetensors")
numbers = {str(seed): [str(v) for v in xoshiro(seed, 8)] for seed in (0, 1, 42, 2**64 - 1)}
(FOLDER / "xoshiro.json").write_text(json.dumps(numbers, indent=1) + "\n")
