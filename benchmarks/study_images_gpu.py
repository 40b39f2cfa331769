"""The image study on a GPU: the Perceiver on all 60,000 images of Fashion-MNIST, batches of up to 4,096.

One line of results/images_gpu.jsonl a model; lines that are there are not repeated. Also the memory of the contrastive
comparison of 4,096 codes, whole and in tiles.

    python benchmarks/study_images_gpu.py                      # some 10 minutes on a data-centre GPU
    python benchmarks/study_images_gpu.py --steps 20 --limit 2000 --batches 64 --accelerator cpu --out /dev/stdout

The data are read from Debian's dataset-fashion-mnist, or from the folder fashion-mnist in INFOLEARN_DATA.
"""

import argparse
import json
import pathlib
import time
from typing import Any

import torch

import cmim
from cmim import Perceiver, evaluate_embeddings
from cmim.data import images

OUT = pathlib.Path(__file__).parent / "results" / "images_gpu.jsonl"
MODELS = {
    "AE": lambda **k: cmim.AE(784, **k),
    "VAE": lambda **k: cmim.VAE(784, **k),
    "MIM": lambda **k: cmim.MIM(784, **k),
    "cMIM": lambda **k: cmim.CMIM(784, **k),
    "cMIM, calibrated": lambda **k: cmim.CMIM(784, temperature="calibrated", w_k=10.0, **k),
}


READ = {"mu": cmim.latent, "h": cmim.informative}


def measure(name: str, batch: int, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Train one model on the training images, and judge its features on the test images."""
    train, test = images.fashion(split="train"), images.fashion(split="test")
    x, y = train.flat[: options.limit], train.labels[: options.limit]
    model = MODELS[name](latent_dim=64, network=Perceiver((1, 28, 28), width=128, depth=3, slots=4), seed=seed)
    start = time.perf_counter()
    result = cmim.fit(
        model, x, max_steps=options.steps, batch_size=batch, seed=seed, accelerator=options.accelerator,
        precision=options.precision, tile=1024 if batch > 2048 else None, log_every=100, progress=True,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    features = {
        kind: [read(model, part) for part in (x[:20_000], test.flat)]
        for kind, read in (("mu", cmim.latent), ("h", cmim.informative))
    }
    row: dict[str, Any] = {"model": name, "batch": batch, "seed": seed, "steps": options.steps, "n": len(x)}
    row |= {
        "precision": options.precision,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "seconds": round(seconds, 1),
        "images_per_second": round(options.steps * batch / seconds),
        "last": result.history[-1],
    }
    for kind, (a, b) in features.items():
        found = evaluate_embeddings(a, y[:20_000], b, test.labels)
        row[kind] = {m: getattr(found, m).value for m in ("knn_euclidean", "knn_cosine", "linear")}
    with torch.no_grad():
        part = torch.from_numpy(test.flat[:2000])
        mu = model.encode(part)[0]
        row["nll_at_mean"] = float(model.law.nll(part, model.decode(mu)).mean())
    return row


def memory(size: int = 4096) -> dict[str, Any]:
    """Peak memory of the contrastive factor and its gradient, whole and in tiles."""
    found: dict[str, Any] = {"comparison": size}
    for name, tile in (("whole", None), ("tiles of 512", 512)):
        z = torch.randn(size, 64, device="cuda", requires_grad=True)
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        cmim.losses.contrastive_log_prob(z, 0.1, tile=tile).mean().backward()
        found[name] = (torch.cuda.max_memory_allocated() - before) / 2**20
    return found


def main() -> None:
    """Run what is not in the file yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--batches", nargs="*", type=int, default=[128, 1024, 4096])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--limit", type=int, default=60_000)
    parser.add_argument("--accelerator", default="gpu")
    parser.add_argument("--precision", default="bf16-mixed", choices=["32-true", "bf16-mixed"])
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    options = parser.parse_args()
    lines = options.out.read_text().splitlines() if options.out.is_file() else []
    done = {tuple(json.loads(line).get(k) for k in ("model", "batch", "seed")) for line in lines}
    with options.out.open("a") as out:
        if torch.cuda.is_available():
            print(json.dumps(memory()), file=out, flush=True)
        for seed in range(options.seeds):
            for batch in options.batches:
                for name in options.models:
                    if (name, batch, seed) not in done:
                        print(json.dumps(measure(name, batch, seed, options)), file=out, flush=True)


if __name__ == "__main__":
    main()
