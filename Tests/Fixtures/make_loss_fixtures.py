"""Reference values of the contrastive losses, in float64, term by term from their definitions (see Guides/losses.md).

    python3 make_loss_fixtures.py [SEED]        # writes losses/*.npz beside this file; needs torch and numpy

A case is one .npz file: view1, view2 (B x d), labels (B), settings (temperature, alpha, layout: 0 crossView, 1 pooled, symmetric, clamp or
-1), and for each loss NAME its value and its gradients, NAME.value, NAME.gradient1, NAME.gradient2. Views are rounded to float32, so that
what is compared is the computation and not the input.
"""
import math, os, sys
import numpy as np
import torch

NAMES = ("selfSupervised", "supcon", "attract", "repel", "spread")


def term(name, s, own, positives, negatives, alpha, clamp):
    """The term of one anchor; s: its similarities over temperature; own, positives, negatives: columns."""
    everything = positives + negatives
    lse = lambda columns: torch.logsumexp(s[columns], 0)
    numerator = lambda column: s[column] if clamp is None else torch.clamp(s[column], max=clamp)
    if name == "selfSupervised":
        return lse(everything) - numerator(own)
    if name == "supcon":
        return sum(lse(everything) - numerator(p) for p in positives) / len(positives)
    if name == "attract":
        return sum(lse([p] + negatives) - numerator(p) for p in positives) / len(positives)
    if name == "repel":
        return lse(positives) - s[own]
    return (alpha * term("attract", s, own, positives, negatives, alpha, clamp)
            + (1 - alpha) * term("repel", s, own, positives, negatives, alpha, clamp))


def cross_view(name, z1, z2, y, temperature, alpha, clamp):
    s = z1 @ z2.T / temperature
    b = len(y)
    return torch.stack([
        term(name, s[i], i, [j for j in range(b) if y[j] == y[i]], [j for j in range(b) if y[j] != y[i]], alpha, clamp)
        for i in range(b)]).mean()


def pooled(name, z1, z2, y, temperature, alpha, clamp):
    z = torch.cat([z1, z2])
    s = z @ z.T / temperature
    b, yy = len(y), list(y) * 2
    return torch.stack([
        term(name, s[i], (i + b) % (2 * b), [j for j in range(2 * b) if j != i and yy[j] == yy[i]],
             [j for j in range(2 * b) if yy[j] != yy[i]], alpha, clamp)
        for i in range(2 * b)]).mean()


def loss(name, z1, z2, y, temperature, alpha, layout, symmetric, clamp):
    if layout == "pooled":
        return pooled(name, z1, z2, y, temperature, alpha, clamp)
    value = cross_view(name, z1, z2, y, temperature, alpha, clamp)
    if symmetric:
        value = (value + cross_view(name, z2, z1, y, temperature, alpha, clamp)) / 2
    return value


def write(folder, case, z1, z2, y, temperature, alpha, layout, symmetric=False, clamp=None):
    z1, z2 = z1.astype(np.float32).astype(np.float64), z2.astype(np.float32).astype(np.float64)
    arrays = dict(view1=z1.astype(np.float32), view2=z2.astype(np.float32), labels=np.asarray(y, np.int64),
                  settings=np.array([temperature, alpha, layout == "pooled", symmetric, -1 if clamp is None else clamp]))
    for name in NAMES:
        a, b = torch.tensor(z1, requires_grad=True), torch.tensor(z2, requires_grad=True)
        value = loss(name, a, b, [int(v) for v in y], temperature, alpha, layout, symmetric, clamp)
        value.backward()
        arrays[f"{name}.value"] = np.array([value.item()])
        for i, z in ((1, a), (2, b)):
            arrays[f"{name}.gradient{i}"] = (torch.zeros_like(z) if z.grad is None else z.grad).numpy()
    np.savez_compressed(f"{folder}/{layout}-{case}.npz", **arrays)


def main(seed):
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "losses")
    os.makedirs(folder, exist_ok=True)
    r = np.random.default_rng(seed)

    def views(b, d, noise=0.6, unit=True):
        base = r.normal(size=(b, d))
        out = [base + noise * r.normal(size=(b, d)) for _ in range(2)]
        return [v / np.linalg.norm(v, axis=1, keepdims=True) for v in out] if unit else out

    for layout in ("crossView", "pooled"):
        def case(name, b, d, y, temperature, alpha, unit=True, **options):
            z1, z2 = views(b, d, unit=unit)
            write(folder, name, z1, z2, y, temperature, alpha, layout, **options)
        case("two-classes", 14, 6, r.integers(0, 2, 14), 0.5, 0.5)
        case("many-classes", 20, 9, r.integers(0, 9, 20), 0.1, 0.3)
        case("cold", 10, 12, r.integers(0, 3, 10), 0.01, 0.7)
        case("one-class", 7, 4, np.zeros(7, int), 0.5, 0.4)
        case("all-distinct", 7, 4, np.arange(7), 0.5, 0.4)
        case("singletons", 9, 5, [3, 3, 3, 0, 0, 0, 1, 7, -2], 0.2, 0.25)
        case("only-attract", 9, 5, r.integers(0, 2, 9), 0.5, 1.0)
        case("only-repel", 9, 5, r.integers(0, 2, 9), 0.5, 0.0)
        case("any-length", 9, 5, r.integers(0, 3, 9), 1.0, 0.5, unit=False)
        case("two-points", 2, 3, [0, 1], 0.5, 0.5)
        case("clamped", 12, 5, r.integers(0, 3, 12), 0.5, 0.5, clamp=1.0)
        if layout == "crossView":
            case("symmetric", 13, 6, r.integers(0, 3, 13), 0.3, 0.6, symmetric=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
