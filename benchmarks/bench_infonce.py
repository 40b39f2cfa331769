"""InfoNCE, forward and backward: the tiled form beside the full matrix in plain torch; time and peak memory."""

import gc

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


if __name__ == "__main__":
    device = "cuda" if torch.cuda.is_available() else "cpu"
    options = arguments(__doc__)
    forms = {
        "streamed.infonce (tile 256)": lambda x, y: streamed.infonce(x, y, temperature=0.1, tile=256),
        "full matrix": lambda x, y: bounds.infonce(x @ y.T / 0.1),
    }
    for batch in (512, 4096, 32_768) if device == "cuda" else (512, 4096):
        x, y = pair(batch, 128, device)
        runs = {name: (lambda form=form, x=x, y=y: step(form, x, y)) for name, form in forms.items()}
        where = torch.cuda.get_device_name() if device == "cuda" else f"{torch.get_num_threads()} threads"
        title = f"InfoNCE {batch} x 128, float32, forward + backward, {where}; largest tensor: "
        title += ", ".join(f"{name} {largest(form, x, y):.1f} MB" for name, form in forms.items())
        report(title, in_turn(runs, options.repeats), as_json=options.json)
