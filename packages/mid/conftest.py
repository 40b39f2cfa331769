"""Let torch do its own first-use set-up (an environment variable of its compiler) before tests are watched for it."""

import sys


def pytest_collection_finish():
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
