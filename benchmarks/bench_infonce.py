"""InfoNCE, forward and backward: the tiled form beside the full matrix in plain torch; time and peak memory.

Appends a line of JSON for each batch to benchmarks/results/infonce.jsonl. Memory is told twice: the largest tensor that
a step makes, and by how much a fresh process grows during its first step (in MB, from the operating system, on a CPU).
"""

import gc
import json
import pathlib
import subprocess
import sys

import torch
from compare import arguments, in_turn, report
from torch.utils._python_dispatch import TorchDispatchMode

from infocore import bounds
from infocore.torch import streamed


class LargestTensor(TorchDispatchMode):
    """Record the largest tensor, in bytes, that any operation made."""

    largest = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(tensor, torch.Tensor):
                self.largest = max(self.largest, tensor.numel() * tensor.element_size())
        return out


def pair(batch: int, dim: int, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return two normalised, correlated batches that need gradients."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(batch, dim, generator=generator)
    y = x + 0.5 * torch.randn(batch, dim, generator=generator)
    normalise = torch.nn.functional.normalize
    return normalise(x).to(device).requires_grad_(), normalise(y).to(device).requires_grad_()


def step(loss, x: torch.Tensor, y: torch.Tensor) -> None:
    """Run one forward and backward pass."""
    x.grad = y.grad = None
    loss(x, y).backward()
    if x.is_cuda:
        torch.cuda.synchronize()


def largest(loss, x: torch.Tensor, y: torch.Tensor) -> float:
    """Return the size of the largest tensor made by one step, in MB."""
    gc.collect()
    with LargestTensor() as mode:
        step(loss, x, y)
    return mode.largest / 1e6


def grown(name: str, batch: int) -> float:
    """Return by how many MB a process grows at most in one step of a form."""
    command = [sys.executable, __file__, GROWTH, name, str(batch)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def grow(name: str, batch: int) -> None:
    """Print by how many MB this process grows in its first step, after one of a few rows has loaded what it needs."""
    step(FORMS[name], *pair(16, DIM, "cpu"))
    x, y = pair(batch, DIM, "cpu")
    gc.collect()
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew at what is in use (Linux)
    before = memory("VmHWM")
    step(FORMS[name], x, y)
    print((memory("VmHWM") - before) / 1e3)


def memory(what: str) -> int:
    """Return what Linux says of this process's memory, in kB."""
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what))


OUT = pathlib.Path(__file__).parent / "results" / "infonce.jsonl"
GROWTH, DIM = "--growth", 128
FORMS = {
    "streamed.infonce (tile 256)": lambda x, y: streamed.infonce(x, y, temperature=0.1, tile=256),
    "full matrix": lambda x, y: bounds.infonce(x @ y.T / 0.1),
}


def main() -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    options = arguments(__doc__)
    where = torch.cuda.get_device_name() if device == "cuda" else f"{torch.get_num_threads()} threads"
    for batch in (512, 4096, 32_768) if device == "cuda" else (512, 4096):
        x, y = pair(batch, DIM, device)
        runs = {name: (lambda form=form, x=x, y=y: step(form, x, y)) for name, form in FORMS.items()}
        rows = in_turn(runs, options.repeats)
        for name, form in FORMS.items():
            rows[name]["largest_tensor_mb"] = largest(form, x, y)
            if device == "cpu":
                rows[name]["grown_mb"] = grown(name, batch)
        title = f"InfoNCE {batch} x {DIM}, float32, forward + backward"
        report(f"{title}, {where}", rows, as_json=options.json)
        with OUT.open("a", encoding="utf-8") as out:
            print(json.dumps({"batch": batch, "dim": DIM, "where": where, "rows": rows}), file=out)


if __name__ == "__main__":
    if sys.argv[1:2] == [GROWTH]:
        grow(sys.argv[2], int(sys.argv[3]))
    else:
        main()
