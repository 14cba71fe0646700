"""ResNet18 for small images in PyTorch: the rival of `spread-bench step --model resnet18`.

    python3 resnet_torch.py [--images 64] [--runs 5] [--threads N] [--channels-last] [--compile]

One step: `--images` images in all (the second half are the second views), forward, L_spread (crossView), backward, AdamW.
The stem is 3 x 3 with no pooling, and there is no head. Prints one JSON object with `median_seconds`.
"""
import argparse, os
import torch
from torch import nn

from rival import measure
from vit_torch import spread


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += shortcut
        return self.relu(out)


class ResNet18(nn.Module):
    def __init__(self, channels=3, width=64):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        blocks, inputs = [], width
        for stage in range(4):
            outputs = width << stage
            blocks += [BasicBlock(inputs, outputs, 1 if stage == 0 else 2), BasicBlock(outputs, outputs, 1)]
            inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        return self.blocks(self.relu(self.bn1(self.conv1(x)))).mean((2, 3))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--images", type=int, default=64)
    p.add_argument("--width", type=int, default=64)
    p.add_argument("--size", type=int, default=32)
    p.add_argument("--channels", type=int, default=3)
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("--channels-last", action="store_true")
    p.add_argument("--compile", action="store_true")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    net = ResNet18(a.channels, a.width)
    images = torch.randn(a.images, a.channels, a.size, a.size)
    if a.channels_last:
        net, images = net.to(memory_format=torch.channels_last), images.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-4, weight_decay=0.01)
    y = torch.arange(a.images // 2) % 2
    run = torch.compile(net) if a.compile else net

    def step():
        loss = spread(*run(images).chunk(2), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    measure(step, a.runs, benchmark="resnet18 step", peer=f"PyTorch {torch.__version__}", channels_last=a.channels_last,
            compile=a.compile, images=a.images, threads=a.threads)


if __name__ == "__main__":
    main()
