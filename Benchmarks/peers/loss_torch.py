"""L_spread with its gradients in PyTorch, as one writes it: B x B matrices. The rival of `spread-bench loss`.

    python3 loss_torch.py [--batch 4096] [--dimension 128] [--runs 5] [--threads N] [--compile]

Prints one JSON object with `median_seconds`.
"""
import argparse, os
import torch
from rival import measure
from vit_torch import spread


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--batch", type=int, default=4096)
    p.add_argument("--dimension", type=int, default=128)
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("--compile", action="store_true")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    z1, z2 = (torch.randn(a.batch, a.dimension, requires_grad=True) for _ in range(2))
    y = torch.randint(0, 10, (a.batch,))
    loss = torch.compile(spread) if a.compile else spread
    def step():
        loss(z1, z2, y).backward()
        z1.grad = z2.grad = None

    measure(step, a.runs, warm_up=1, benchmark="loss spread", peer=f"PyTorch {torch.__version__}", compile=a.compile,
            batch=a.batch, dimension=a.dimension, threads=a.threads)


if __name__ == "__main__":
    main()
