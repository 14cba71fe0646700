"""The paper's vision transformer in PyTorch: the rival of `spread-bench step --model vit`, and the reference of the fixtures.

    python3 vit_torch.py [--images 128] [--runs 5] [--threads N] [--compile] [--bf16]

One step: forward of two views, L_spread (crossView), backward, AdamW. Prints one JSON object with `median_seconds`.
"""
import argparse, math, os
import torch
from torch import nn
import torch.nn.functional as F
from rival import measure


class Block(nn.Module):
    def __init__(self, width, heads, hidden, dropout, head_dropout, drop_path):
        super().__init__()
        self.heads, self.drop_path = heads, drop_path
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.norm2 = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)
        self.drop = nn.Dropout(dropout)
        self.head_drop = nn.Dropout2d(head_dropout)

    def path(self, x):
        if not self.training or self.drop_path == 0:
            return x
        keep = 1 - self.drop_path
        return x * torch.bernoulli(torch.full((x.shape[0], 1, 1), keep)) / keep

    def attention(self, x):
        b, t, w = x.shape
        q, k, v = self.qkv(x).reshape(b, t, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
        s = q @ k.transpose(-1, -2) * (w // self.heads) ** -0.5
        if self.training:  # all heads' scores of a query at once, as in the authors' public code
            s = self.head_drop(s.permute(0, 2, 1, 3)).permute(0, 2, 1, 3)
        o = self.drop(s.softmax(-1)) @ v
        return self.drop(o.transpose(1, 2).reshape(b, t, w))

    def forward(self, x):
        x = x + self.path(self.attention(self.norm1(x)))
        return x + self.path(self.drop(self.fc2(self.drop(F.gelu(self.fc1(self.norm2(x)))))))


class Embed(nn.Module):
    def __init__(self, patch, channels, width, dropout):
        super().__init__()
        self.patch = patch
        self.proj = nn.Linear(patch * patch * channels, width)
        self.norm = nn.LayerNorm(width)
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        b, c, h, w = x.shape
        p = self.patch
        x = x.reshape(b, c, h // p, p, w // p, p).permute(0, 2, 4, 3, 5, 1).reshape(b, -1, p * p * c)
        return self.drop(self.norm(self.proj(x)))


class ViT(nn.Module):
    def __init__(self, size=32, channels=3, patch=4, width=256, depth=7, heads=8, hidden=512, dropout=0.05,
                 embedding_dropout=0.1, head_dropout=0.1, drop_path=0.05):
        super().__init__()
        self.embed = Embed(patch, channels, width, embedding_dropout)
        self.cls = nn.Parameter(0.1 * torch.randn(width).clamp(-1, 1))
        self.pos = nn.Parameter(0.1 * torch.randn((size // patch) ** 2 + 1, width).clamp(-1, 1))
        self.blocks = nn.ModuleList(
            Block(width, heads, hidden, dropout, head_dropout, drop_path * i / max(1, depth - 1)) for i in range(depth))
        self.norm = nn.LayerNorm(width)
        for m in self.modules():
            if isinstance(m, nn.Linear):
                nn.init.trunc_normal_(m.weight, std=0.02)
                if m.bias is not None:
                    nn.init.zeros_(m.bias)

    def forward(self, x):
        x = self.embed(x)
        x = torch.cat([self.cls.expand(x.shape[0], 1, -1), x], 1) + self.pos
        for block in self.blocks:
            x = block(x)
        return self.norm(x)[:, 0]


def spread(z1, z2, y, tau=0.5, alpha=0.5):
    z1, z2 = F.normalize(z1, dim=1), F.normalize(z2, dim=1)
    s = z1 @ z2.T / tau
    same = y[:, None] == y[None, :]
    n = torch.logsumexp(s.masked_fill(same, -math.inf), 1, keepdim=True)
    attract = (torch.where(same, torch.logaddexp(s, n) - s, 0.).sum(1) / same.sum(1)).mean()
    repel = (torch.logsumexp(s.masked_fill(~same, -math.inf), 1) - s.diagonal()).mean()
    return alpha * attract + (1 - alpha) * repel


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--images", type=int, default=128)
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("--compile", action="store_true")
    p.add_argument("--bf16", action="store_true")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    net = ViT()
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-4, weight_decay=0.01)
    views = torch.randn(2 * a.images, 3, 32, 32)
    y = torch.arange(a.images) % 2
    run = torch.compile(net) if a.compile else net

    def step():
        with torch.autocast("cpu", torch.bfloat16, enabled=a.bf16):
            z = run(views)
        loss = spread(*z.float().chunk(2), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    measure(step, a.runs, benchmark="vit step", peer=f"PyTorch {torch.__version__}", compile=a.compile, bf16=a.bf16,
            images=a.images, threads=a.threads)


if __name__ == "__main__":
    main()
