"""What a GPU buys: brute-force KSG, InfoNCE of large batches with its memory, and trained estimators on many rows.

    python benchmarks/study_gpu.py            # all of it, on a GPU of 16 GB or more
    python benchmarks/study_gpu.py --small    # sizes for a CPU, to see that it runs and that values agree

Appends one line of JSON a case to benchmarks/results/gpu.jsonl, with the device.
"""

import argparse
import json
import pathlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.special import digamma

from infocore.estimators import KSG
from infocore.tasks import task
from infocore.torch import CrossFittedMI, streamed

OUT = pathlib.Path(__file__).parent / "results" / "gpu.jsonl"
K = 3
# Numbers in one tile of distances.
TILE = 400_000_000


def distances(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Largest absolute difference of every row of a to every row of b, one column at a time."""
    out = (a[:, :1] - b[:, 0]).abs_()
    for j in range(1, a.shape[1]):
        torch.maximum(out, (a[:, j : j + 1] - b[:, j]).abs_(), out=out)
    return out


def brute_force_ksg(x: np.ndarray, y: np.ndarray, device: str) -> float:
    """KSG 1 from all pairs of rows, standardised columns, float32; nats."""
    n = len(x)
    u, v = (torch.as_tensor((a - a.mean(0)) / a.std(0), dtype=torch.float32, device=device) for a in (x, y))
    counts = torch.zeros(2, n, dtype=torch.int64, device=device)
    rows = max(1, (TILE if device == "cuda" else TILE // 20) // n)
    for start in range(0, n, rows):
        part = slice(start, start + rows)
        in_x, in_y = distances(u[part], u), distances(v[part], v)
        radius = torch.maximum(in_x, in_y).kthvalue(K + 1, dim=1, keepdim=True).values  # the row itself is the nearest
        counts[0, part], counts[1, part] = ((d < radius).sum(1) for d in (in_x, in_y))
    terms = digamma(np.maximum(counts.cpu().numpy(), 1)).sum(0)  # of points within, the row itself among them
    return float(digamma(K) + digamma(n) - terms.mean())


def timed(device: str, run: Callable[[], Any]) -> tuple[Any, float, int | None]:
    """Return what a call gives, its wall time, and the most memory it took on a GPU, in bytes."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    out = run()
    if device == "cuda":
        torch.cuda.synchronize()
    return out, time.perf_counter() - start, torch.cuda.max_memory_allocated() if device == "cuda" else None


def one_step(batch: int, width: int, tile: int, device: str) -> float:
    """Loss of one forward and backward pass of tiled InfoNCE."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(batch, width, generator=generator)
    y = x + 0.5 * torch.randn(batch, width, generator=generator)
    x, y = (torch.nn.functional.normalize(a).to(device).requires_grad_() for a in (x, y))
    loss = streamed.infonce(x, y, temperature=0.1, tile=tile)
    loss.backward()
    return float(loss.detach())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"

    def tell(case: str, **facts: Any) -> None:
        line = json.dumps({"case": case, "device": name, "torch": torch.__version__, **facts}, allow_nan=False)
        print(line, flush=True)
        with args.out.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    rng = np.random.default_rng(0)
    for n in (5000,) if args.small else (100_000, 1_000_000):
        for d in (1, 3, 10):
            x = rng.standard_normal((n, d))
            y = 0.6 * x + 0.8 * rng.standard_normal((n, d))
            value, seconds, memory = timed(device, lambda x=x, y=y: brute_force_ksg(x, y, device))
            theirs = KSG(K).estimate(x, y).value if n * d <= 1_000_000 else None
            tell(f"KSG {d}+{d}, n = {n}", value=value, neighbours_on_cpu=theirs, seconds=seconds, peak_bytes=memory)
    for batch, width in ((2048, 64),) if args.small else ((16_384, 256), (65_536, 256)):
        for tile in (256, 2048):
            one_step(1024, width, tile, device)  # kernels are loaded before the clock starts
            loss, seconds, memory = timed(device, lambda b=batch, w=width, t=tile: one_step(b, w, t, device))
            tell(f"InfoNCE {batch} x {width}, tile {tile}", loss=loss, seconds=seconds, peak_bytes=memory)
    laws = ("spiral-multinormal-sparse-5-5-2-2.0", "flow-normal-8-8", "flow-blocks-8-8", "high-flow-3-3-8")
    for law in map(task, laws[:1] if args.small else laws):
        n = 2000 if args.small else 100_000
        drawn = law.draw(n, rng=0)
        steps = {"max_steps": 100} if args.small else {"max_steps": 7000, "batch_size": 1024, "validate_every": 100}
        estimator = CrossFittedMI(device=device, **steps)
        e, seconds, memory = timed(device, lambda e=estimator, d=drawn: e.fit_estimate(d.x, d.y))
        tell(
            f"crossfit, {law.name}, n = {n}", truth=law.information, value=e.value, ci=e.ci, seconds=seconds,
            held_out=e.diagnostics["held_out"], peak_bytes=memory,
        )  # fmt: skip


if __name__ == "__main__":
    main()
