"""MIFace on softmax regression over the digits (claim C14): confidence, likeness to the class mean, and time."""

import time

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from infocore.torch.layers import linear
from mid.torch.attacks import MIFace, ModuleTarget

if __name__ == "__main__":
    torch.set_num_threads(1)
    digits = load_digits()
    x, y = digits.data / 16, digits.target
    fitted = LogisticRegression(C=1.0, max_iter=1000).fit(x, y)
    head = linear(64, 10, torch.Generator())
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(fitted.coef_))
        head.bias.copy_(torch.from_numpy(fitted.intercept_))
    rules = {"all 3,000 steps": {"window": 3000, "cost_threshold": -1.0}, "stop at .99": {"cost_threshold": 0.01}}
    for name, rule in rules.items():
        start = time.perf_counter()
        found = MIFace(start=np.zeros(64), max_steps=3000, **rule).run(ModuleTarget(head))
        seconds = time.perf_counter() - start
        means = [x[y == c].mean(0) for c in found.classes]
        like = [np.corrcoef(a, m)[0, 1] for a, m in zip(found.images, means, strict=True)]
        print(
            f"{name}: {found.steps} steps in {seconds:.2f} s ({1e6 * seconds / found.steps:.1f} us a step); confidence "
            f"{found.scores.min():.4f} to {found.scores.max():.4f}, correlation {min(like):.3f} to {max(like):.3f}"
        )
