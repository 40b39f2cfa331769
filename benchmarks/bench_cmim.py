"""The price of a training step: objectives against each other, the Trainer against a bare loop, and pythae's VAE.

    python benchmarks/bench_cmim.py --json > benchmarks/results/cmim.jsonl

One thread, same networks (784-512-512-32 and back) and batches of 128; "wide" has layers of 2,048 and batches of 512,
so that a step takes long enough for the Trainer's own time not to matter. pythae 0.1.2 is measured where it is
installed, with its networks replaced by ones of our shape, its loss, and the same optimiser; each line times 20 steps.
"""

import importlib.util
from collections.abc import Callable

import torch
from compare import arguments, in_turn, report
from torch import Tensor, nn

import cmim
from cmim.networks import MLP
from infocore.torch.training import ArrayBatches

N, STEPS = 784, 20


def step_of(
    loss: Callable[[Tensor, torch.Generator], Tensor], module: nn.Module, batches: ArrayBatches
) -> Callable[[], None]:
    """Make a function that takes 20 steps."""
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3, fused=True)
    state = {"step": 0}

    def steps() -> None:
        for _ in range(STEPS):
            (x,) = batches(state["step"])
            value = loss(x, torch.Generator().manual_seed(state["step"]))
            optimizer.zero_grad()
            value.backward()
            torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
            optimizer.step()
            state["step"] += 1

    return steps


def ours(model: cmim.Model, batches: ArrayBatches) -> Callable[[], None]:
    """Take steps of one of our models in a bare loop."""
    return step_of(lambda x, g: model.objective(x, g, watch=False)["loss"], model, batches)


def trainer(model: cmim.Model, x: Tensor, batch: int, log_every: int) -> Callable[[], None]:
    """Take the same steps through `cmim.fit`; a fit of one step is beside it, to take its start out."""
    return lambda: cmim.fit(model, x, max_steps=STEPS, batch_size=batch, accelerator="cpu", log_every=log_every)


def pythae_vae(hidden: tuple[int, ...], latent: int, batches: ArrayBatches) -> Callable[[], None]:
    """Take steps of pythae's VAE with networks of our shape."""
    from pythae.models import VAE, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    source = cmim.VAE(N, latent_dim=latent, hidden=hidden)

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.net = source.encoder

        def forward(self, x: Tensor) -> ModelOutput:
            mu, logvar = self.net(x)
            return ModelOutput(embedding=mu, log_covariance=logvar)

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.net = source.decoder

        def forward(self, z: Tensor) -> ModelOutput:
            return ModelOutput(reconstruction=torch.sigmoid(self.net(z)).reshape(len(z), 1, 28, 28))

    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=latent, reconstruction_loss="bce")
    model = VAE(config, encoder=Encoder(), decoder=Decoder())
    return step_of(lambda x, _: model({"data": x.reshape(-1, 1, 28, 28)}).loss, model, batches)


def main() -> None:
    """Run everything in turn."""
    options = arguments(__doc__)
    torch.set_num_threads(1)
    x = torch.rand(4096, N, generator=torch.Generator().manual_seed(0))
    hidden, batch, latent = (512, 512), 128, 32
    batches = ArrayBatches(x, batch_size=batch, seed=0)
    common = {"latent_dim": latent, "hidden": hidden}
    made = {"VAE": cmim.VAE(N, **common), "A-MIM": cmim.MIM(N, **common), "cMIM": cmim.CMIM(N, **common)}
    made["cMIM, calibrated"] = cmim.CMIM(N, temperature="calibrated", **common)
    report(
        f"20 steps, {N}-512-512-{latent}, batch {batch}",
        in_turn({name: ours(model, batches) for name, model in made.items()}, 15),
        as_json=options.json,
    )
    pair = {"cmim VAE": ours(cmim.VAE(N, **common), batches)}
    if importlib.util.find_spec("pythae"):
        pair["pythae 0.1.2 VAE"] = pythae_vae(hidden, latent, batches)
    report("20 steps of a VAE with the same networks", in_turn(pair, 15), as_json=options.json)
    for name, network, size in (("small", MLP((512, 512)), 128), ("wide", MLP((2048, 2048)), 512)):
        bare, trained = (cmim.CMIM(N, latent_dim=latent, network=network) for _ in range(2))
        again = ArrayBatches(x, batch_size=size, seed=0)
        start = cmim.CMIM(N, latent_dim=latent, network=network)

        def start_only(start: cmim.Model = start, size: int = size) -> None:
            cmim.fit(start, x, max_steps=1, batch_size=size, accelerator="cpu")

        functions = {
            "bare loop": ours(bare, again),
            "cmim.fit": trainer(trained, x, size, 50),
            "cmim.fit of one step": start_only,
        }
        report(f"20 steps, {name}, batch {size}", in_turn(functions, 7), as_json=options.json)


if __name__ == "__main__":
    main()
