"""Writes Tests/Fixtures/files: the same 3 x 4 numbers, -1.25 to 1.5 in steps of 0.25 (integers: -5 to 6; unsigned: 0
to 11), as NumPy and safetensors store them. Needs numpy, torch and safetensors; run from anywhere:

    python3 Tests/Fixtures/make_file_fixtures.py
"""

import pathlib

import numpy as np
import torch
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).parent / "files"
FOLDER.mkdir(exist_ok=True)

integers = (np.arange(12) - 5).reshape(3, 4)
values = integers * 0.25


def save(name, array, version=None):
    with open(FOLDER / f"{name}.npy", "wb") as file:
        np.lib.format.write_array(file, array, version=version)


for version in (1, 2, 3):
    save(f"version{version}", values.astype("<f4"), (version, 0))
for kind in ("<f2", "<f8", ">f4", ">f8"):
    save(("big-" if kind[0] == ">" else "") + kind[1:], values.astype(kind))
for kind in ("i1", "<i2", "<i4", "<i8", ">i4"):
    save(("big-" if kind[0] == ">" else "") + kind.lstrip("<>"), integers.astype(kind))
for kind in ("u1", "<u2", "<u4", "<u8"):
    save(kind.lstrip("<"), (integers + 5).astype(kind))
save("boolean", integers > 0)
save("fortran", np.asfortranarray(values.astype("<f8")))
save("fortran3", np.asfortranarray(np.arange(24, dtype="<f4").reshape(2, 3, 4)))
save("scalar", np.array(2.5, dtype="<f4"))
save("vector", np.arange(5, dtype="<i8"))
save("empty", np.zeros((0, 3), dtype="<f4"))
save("huge-unsigned", np.array([2**64 - 1], dtype="<u8"))
save("complex", np.zeros(2, dtype="<c8"))
save("structured", np.zeros(2, dtype=[("a", "<f4"), ("b", "<i4")]))

arrays = {"values": values.astype("<f4"), "labels": np.arange(5), "zeros": np.zeros((40, 50), "<f4")}
np.savez(FOLDER / "stored.npz", **{name: arrays[name] for name in ("values", "labels")})
np.savez_compressed(FOLDER / "deflated.npz", **arrays)

floats = torch.tensor(values)
save_file(
    {
        "double": floats,
        "single": floats.to(torch.float32),
        "half": floats.to(torch.float16),
        "brain": floats.to(torch.bfloat16),
        "long": torch.tensor(integers),
        "byte": torch.tensor(integers + 5).to(torch.uint8),
        "truth": torch.tensor(integers > 0),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
    },
    FOLDER / "types.safetensors",
    metadata={"format": "pt"},
)
save_file(
    {"a": floats.to(torch.float32), "b.weight": torch.tensor([1.5, -2.0])},
    FOLDER / "plain.safetensors",
    metadata={"note": "caf\u00e9 \"quoted\" \\ / line\nend"},
)
