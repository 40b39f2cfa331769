"""Let torch do its own first-use set-up (an environment variable of its compiler) before a test is watched for it."""

import importlib.util

if importlib.util.find_spec("torch") is not None:
    import torch

    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
