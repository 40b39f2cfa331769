"""Claim C12: on a mixture of five normal laws, MIM's codes carry more than a VAE's, and a VAE's carry less the longer.

KSG, with which the claim was made, reads far too low in 20 dimensions (Fano's inequality with the accuracy of five
neighbours refutes it). Since q(z|x) is known, the information is bounded from both sides as well: by InfoNCE with the
exact log density, at most log 4,000 = 8.29, and by leave-one-out.

The set-up follows scripts of MIM's authors as far as it is known: two-layer tanh networks, Adam 1e-3, batches of 128,
symmetric MIM, information by KSG and accuracy of five nearest neighbours on *sampled* codes. Choices of ours: the
components (four corners and the centre, two units apart, standard deviation 0.2 in every direction), the law of x given
z (normal, standard deviation 0.2), in 20 dimensions the corners in a plane and noise in the rest, 5,000 steps.

    python benchmarks/study_toy.py > benchmarks/results/toy.jsonl      # some 10 minutes on one core
"""

import json
import os
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from sklearn.neighbors import KNeighborsClassifier

import cmim
import infocore
from cmim._inputs import batch_seed
from infocore.bounds import infonce, l1out
from infocore.torch.layers import linear

SIGMA, STEPS, BATCH = 0.2, 5000, 128
CORNERS = 2.0 * np.array([[-1, -1], [-1, 1], [1, -1], [1, 1], [0, 0]])
CASES = [(2, 2, 50), (20, 2, 50), (20, 6, 50), (20, 12, 50), (20, 20, 50)]


class Layers(torch.nn.Module):
    """in -> hidden -> out with tanh between; an encoder gives twice the latent dimensions."""

    def __init__(self, inside: int, hidden: int, outside: int, generator: torch.Generator) -> None:
        super().__init__()
        self.first, self.head = linear(inside, hidden, generator), linear(hidden, outside, generator)

    def hidden(self, z: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.first(z))

    def output(self, h: torch.Tensor) -> torch.Tensor:
        return self.head(h)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mu, logvar = self.output(self.hidden(x)).chunk(2, dim=-1)
        return mu, logvar


def draw(n: int, dim: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw data and the numbers of their components."""
    y = rng.integers(0, 5, n)
    x = SIGMA * rng.standard_normal((n, dim))
    x[:, :2] += CORNERS[y]
    return x.astype(np.float32), y


def between(z: torch.Tensor, mu: torch.Tensor, logvar: torch.Tensor) -> tuple[float, float]:
    """Bound I(x; z) from below and above by the scores log q(z_i | x_j)."""
    mu, logvar, z = mu.double(), logvar.double(), z.double()
    scores = torch.stack([-0.5 * ((row - mu).square() / logvar.exp() + logvar).sum(1) for row in z])
    return float(infonce(scores)), float(l1out(scores.T))


def run(name: str, dim: int, latent: int, hidden: int, seed: int) -> dict[str, object]:
    """Train one model on fresh samples and measure it on others."""
    generator = torch.Generator().manual_seed(seed)
    parts = {"encoder": Layers(dim, hidden, 2 * latent, generator), "decoder": Layers(latent, hidden, dim, generator)}
    common = {"latent_dim": latent, "likelihood": "gaussian", "sigma": SIGMA, "logvar_floor": -12.0, **parts}
    make = {
        "MIM": lambda: cmim.MIM(dim, symmetric=True, ramp=250, **common),
        "A-MIM": lambda: cmim.MIM(dim, ramp=250, **common),
        "VAE": lambda: cmim.VAE(dim, ramp=250, **common),
    }
    model = make[name]()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    rng = np.random.default_rng((seed, 7))
    for step in range(STEPS):
        x = torch.from_numpy(draw(BATCH, dim, rng)[0])
        loss = model.objective(x, torch.Generator().manual_seed(batch_seed(seed, step)), step=step, watch=False)["loss"]
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    x, y = draw(4000, dim, np.random.default_rng((seed, 8)))
    with torch.no_grad():
        mu, logvar = model.encode(torch.from_numpy(x))
        z = mu + (0.5 * logvar).exp() * torch.randn(mu.shape, generator=torch.Generator().manual_seed(seed))
        mse = float((model.expected(z) - torch.from_numpy(x)).square().mean())
    z = z.numpy()
    knn = KNeighborsClassifier(5).fit(z[:2000], y[:2000]).score(z[2000:], y[2000:])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what KSG says of itself; the bounds are beside it
        information = infocore.mutual_information(x, z, method="ksg").value
    lower, upper = between(torch.from_numpy(z), mu, logvar)
    floor = float((logvar <= -11.99).float().mean())
    return {
        "model": name, "dim": dim, "latent": latent, "hidden": hidden, "seed": seed, "ksg": information, "lower": lower,
        "upper": upper, "knn5": knn, "rmse": mse**0.5, "logvar": float(logvar.mean()), "floor": floor,
    }  # fmt: skip


if __name__ == "__main__":
    torch.set_num_threads(1)
    for seed in range(3):
        for case in CASES:
            for name in ("MIM", "A-MIM", "VAE"):
                print(json.dumps(run(name, *case, seed)), flush=True)
