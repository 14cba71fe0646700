#!/usr/bin/env python3
"""Runs ours and the rivals' benchmarks in turn on this machine, and prints medians and ratios.

    make bench-peers                                # makes .venv, builds, runs everything
    python3 Benchmarks/compare.py --only loss-4096  # one comparison, with the Python that has the rivals
    python3 Benchmarks/compare.py --list

A round runs each program of a comparison once, ours first; the next round does so again. What is shown is the median over rounds of each
program's own median, and the ratio to ours of the same round (its median and range): machines are shared, and neighbours disturb whole
rounds rather than one program. Writes Benchmarks/results/<name>.json with everything that was measured.
"""
import argparse, datetime, json, os, pathlib, platform, statistics, subprocess, sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BENCH = [str(ROOT / ".build/release/spread-bench")]


def peer(script, *arguments):
    return [sys.executable, str(ROOT / "Benchmarks/peers" / script), *arguments]


def ours(*arguments):
    return BENCH + list(arguments) + ["--json"]


def loss(batch, runs="3"):
    size = ["--batch", str(batch), "--runs", runs]
    return {"ours": ours("loss", "--dimension", "128", "--loss", "spread", *size), "PyTorch": peer("loss_torch.py", *size)}


COMPARISONS = {
    "vit": {
        "ours": ours("step", "--model", "vit", "--runs", "3"),
        "PyTorch": peer("vit_torch.py", "--runs", "3"),
        "PyTorch compiled": peer("vit_torch.py", "--runs", "3", "--compile"),
        "JAX": peer("vit_jax.py", "--runs", "3"),
    },
    "resnet18": {
        "ours": ours("step", "--model", "resnet18", "--runs", "3"),
        "PyTorch": peer("resnet_torch.py", "--runs", "3"),
        "PyTorch channels last": peer("resnet_torch.py", "--runs", "3", "--channels-last"),
    },
    "loss-512": loss(512, "20"),
    "loss-2048": loss(2048),
    "loss-4096": loss(4096),
    "loss-8192": loss(8192),
}


def run(command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        return {"error": (result.stderr.strip().splitlines() or ["exit code %d" % result.returncode])[-1]}
    return json.loads(result.stdout)


def compare(name, programs, rounds):
    figures = {program: [] for program in programs}
    for number in range(rounds):
        for program, command in programs.items():
            if figures[program] and "error" in figures[program][-1]:
                continue
            print(f"{name}, round {number + 1} of {rounds}: {program}", file=sys.stderr, flush=True)
            figures[program].append(run(command))
    return figures


def summary(name, figures):
    lines = []
    mine = [f["median_seconds"] for f in figures["ours"] if "error" not in f]
    for program, runs in figures.items():
        if not runs or "error" in runs[-1]:
            lines.append(f"| {name} | {program} | failed: {runs[-1]['error'] if runs else 'not run'} | | |")
            continue
        seconds = [f["median_seconds"] for f in runs]
        ratios = sorted(m / s for m, s in zip(mine, seconds))
        ratio = "" if program == "ours" or not ratios else \
            f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})"
        memory = max(f.get("peak_megabytes", 0) for f in runs)
        lines.append(f"| {name} | {program} | {statistics.median(seconds):.4g} | {ratio} | {memory:.0f} |")
    return lines


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--only", nargs="+", choices=COMPARISONS, metavar="NAME", default=list(COMPARISONS))
    p.add_argument("--list", action="store_true", help="names of the comparisons")
    p.add_argument("--output", type=pathlib.Path, help="the JSON file (default: Benchmarks/results/peers-DATE.json)")
    a = p.parse_args()
    if a.list:
        return print("\n".join(COMPARISONS))
    if not os.path.exists(BENCH[0]):
        sys.exit("build first: make build")
    date = datetime.date.today().isoformat()
    output = a.output or ROOT / f"Benchmarks/results/peers-{date}.json"
    report = dict(date=date, system=platform.platform(), command=" ".join(["python3", "Benchmarks/compare.py", *sys.argv[1:]]),
                  comparisons={})
    table = ["| work | program | seconds | ours / theirs | peak MB |", "|---|---|---|---|---|"]
    for name in a.only:
        figures = compare(name, COMPARISONS[name], a.rounds)
        report["comparisons"][name] = figures
        table += summary(name, figures)
        if "machine" in figures["ours"][0]:
            report["machine"] = figures["ours"][0]["machine"]
        output.parent.mkdir(exist_ok=True)
        output.write_text(json.dumps(report, indent=1) + "\n")
    machine = report.get("machine", {})
    print(f"{machine.get('processor', '?')}, {machine.get('threads', '?')} threads, OpenBLAS {machine.get('blas', '?')} "
          f"({machine.get('blas_kernel', '?')}), {date}; seconds are medians over {a.rounds} rounds\n")
    print("\n".join(table))


if __name__ == "__main__":
    main()
