"""The molecule models on a GPU: tokens a second and share of the card's peak, and long runs of 1 to 65 M parameters.

    python benchmarks/study_molecules_gpu.py --part rate              # some 3 minutes: three sizes, four batch sizes
    python benchmarks/study_molecules_gpu.py --part run --size 1M --minutes 30
    python benchmarks/study_molecules_gpu.py --part run --size 10M --minutes 60 --batch 1024
    python benchmarks/study_molecules_gpu.py --part run --size 1M --rows 1000000 --epochs 10 --batch 512
    python benchmarks/study_molecules_gpu.py --part rate run --size tiny --steps 3 --rows 500 --batches 16 --batch 16 \
        --accelerator cpu --precision 32-true --molecules 20 --out /dev/stdout --work /tmp/tiny       # a trial on a CPU

One line of results/molecules_gpu.jsonl a case; lines that are there are not repeated, and a run goes on from its last
checkpoint. "rate" times steps of forward, backward and optimiser on batches that are on the card already, and through
`cmim.fit` from MOSES, so that what the loader and the Trainer cost is seen. The work of a step is what torch's own
counter of floating-point operations says of it (products of matrices both ways, which a count by hand of the 1M model
agrees with; and attention, on a GPU only, where its kernels are counted: some 5 % more). The peak is that of
dense bf16 by the maker's data sheet, for the cards named in PEAK, or ``--peak``.

"run" measures the rate first, then trains for as many steps as the minutes allow (or for `--epochs` of `--rows`
molecules, or `--steps`), with warm-up and half a cosine to the end, assesses the model on 10,000 test molecules of
MOSES and writes the embedder to WORK/SIZE. To make the shipped folder of it:

    python benchmarks/pretrain_molecules.py --out shipped --half float16 --batch-size 1024 --learning-rate 2e-3 \
        --steps 30000 --warmup 1000 --device gpu --precision bf16-mixed
"""

import argparse
import dataclasses
import json
import pathlib
import statistics
import time
from typing import Any

import torch
from pretrain_molecules import assess
from torch.utils.flop_counter import FlopCounterMode

import cmim
from cmim import TokenPerceiver
from cmim.data.images import data_dir
from cmim.molecules.corpus.batches import SmilesBatches, TextBlocks
from cmim.molecules.embedder import MoleculeEmbedder
from cmim.molecules.properties import datasets
from cmim.molecules.tokens import Vocabulary
from infocore.result import plain

OUT = pathlib.Path(__file__).parent / "results" / "molecules_gpu.jsonl"
SIZES = {  # parameters: 0.02, 1.4, 10.8 and 63.6 million
    "tiny": (TokenPerceiver(slots=4, width=16, encoder_depth=1, decoder_depth=1), 32),
    "1M": (TokenPerceiver(), 256),
    "10M": (TokenPerceiver(slots=32, width=256, heads=8, encoder_depth=4, decoder_depth=6), 512),
    "65M": (TokenPerceiver(slots=32, width=512, heads=8, encoder_depth=6, decoder_depth=9), 512),
}
PEAK = {"H100 PCIe": 756e12, "H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12, "L4": 121e12}
Row = dict[str, Any]


def build(size: str, seed: int = 0) -> cmim.Model:
    """Return the model of a size, untrained."""
    network, latent = SIZES[size]
    return cmim.CMIM(
        128, latent, network=network, likelihood="tokens", levels=len(Vocabulary()), variance="sampled",
        scaling="mean", ramp=1000, seed=seed,
    )  # fmt: skip


def device(options: argparse.Namespace) -> torch.device:
    """Return where to compute."""
    return torch.device("cuda" if options.accelerator == "gpu" else "cpu")


def name_of_card(options: argparse.Namespace) -> str:
    """Return what computes."""
    return torch.cuda.get_device_name() if options.accelerator == "gpu" else "cpu"


def peak(options: argparse.Namespace) -> float | None:
    """Return the peak in operations a second, if it is known."""
    known = next((value for name, value in PEAK.items() if name in name_of_card(options).split("-")[0]), None)
    return options.peak * 1e12 if options.peak else known


def rate(size: str, batch: int, batches: SmilesBatches, options: argparse.Namespace) -> Row:
    """Time steps of a bare loop on batches that are on the card, and of `cmim.fit`."""
    where = device(options)
    model = build(size).to(where)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    ready = [batches(step).x.to(where) for step in range(min(8, int(batches.steps.sum())))]
    half = options.precision == "bf16-mixed"

    def step(number: int, *, update: bool = True) -> None:
        x = ready[number % len(ready)]
        with torch.autocast(where.type, torch.bfloat16, enabled=half):
            loss = model.objective(x, torch.Generator().manual_seed(number), step=number, watch=False)["loss"]
        optimizer.zero_grad()
        loss.backward()
        if update:
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

    def wait() -> None:
        if where.type == "cuda":
            torch.cuda.synchronize()

    work = []
    for number in range(len(ready)):
        with FlopCounterMode(display=False) as counter:
            step(number, update=False)
        work.append(counter.get_total_flops())
    for number in range(options.steps or 20):
        step(number)
    if where.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds = []
    for _ in range(options.repeats):
        wait()
        start = time.perf_counter()
        for number in range(len(ready)):
            step(number)
        wait()
        seconds.append((time.perf_counter() - start) / len(ready))
    second = statistics.median(seconds)
    tokens = statistics.mean(int((x != 0).sum()) for x in ready)
    places = statistics.mean(x.numel() for x in ready)
    most = peak(options)
    speed = statistics.mean(work) / second
    return {
        "parameters": sum(p.numel() for p in model.parameters()), "seconds_a_step": second,
        "tokens_per_second": tokens / second, "molecules_per_second": batch / second, "padding": 1 - tokens / places,
        "operations_a_step": statistics.mean(work), "operations_per_second": speed,
        "share_of_peak": None if most is None or not half else speed / most,
        "memory_mib": torch.cuda.max_memory_allocated() / 2**20 if where.type == "cuda" else None,
        **through_fit(size, batch, batches, tokens, options),
    }  # fmt: skip


def through_fit(size: str, batch: int, batches: SmilesBatches, tokens: float, options: argparse.Namespace) -> Row:
    """Time `cmim.fit`, loader and Trainer included; a fit of one step before it takes the start out."""
    seconds: list[float] = []
    steps = (1, 1 + (options.steps or 100))
    for count in (1, *steps):  # the first, which compiles and reads, does not count
        model = build(size)
        start = time.perf_counter()
        cmim.fit(
            model, batches, max_steps=count, accelerator=options.accelerator, precision=options.precision,
            gradient_clip=1.0, log_every=1000,
        )  # fmt: skip
        seconds.append(time.perf_counter() - start)
    each = max(1e-9, (seconds[2] - seconds[1]) / (steps[1] - steps[0]))
    return {"fit_tokens_per_second": tokens / each, "fit_molecules_per_second": batch / each}


def run(size: str, corpus: TextBlocks, options: argparse.Namespace) -> Row:
    """Train a model for as long as was said, and assess it."""
    batch, rows = options.batch, len(corpus.smiles)
    facts: Row = {}
    steps = options.steps or (round(options.epochs * rows / batch) if options.epochs else 0)
    plan = options.work / f"{size}-{batch}-{rows}-{options.seed}.json"
    if plan.exists():  # begun before: the number of steps is part of the schedule
        steps = json.loads(plan.read_text())["steps"]
    elif not steps:
        batches = SmilesBatches(corpus, batch, options.seed)
        facts = rate(size, batch, batches, options)
        steps = max(1, round(0.95 * 60 * options.minutes * facts["fit_molecules_per_second"] / batch))
    plan.parent.mkdir(parents=True, exist_ok=True)
    plan.write_text(json.dumps({"steps": steps}))
    network, latent = SIZES[size]
    embedder = MoleculeEmbedder(
        latent_dim=latent, network=network, scaling="mean", max_steps=steps, batch_size=batch,
        learning_rate=options.learning_rate, warmup=min(1000, max(1, steps // 10)), seed=options.seed,
        accelerator=options.accelerator, progress=True, check=False,
    )  # fmt: skip
    work = plan.with_suffix("")
    start = time.perf_counter()
    embedder.fit(
        corpus, precision=options.precision, logger="csv", log_dir=work / "logs", checkpoint_dir=work / "checkpoints",
        checkpoint_every=1000, resume=True, log_every=min(100, steps),
    )  # fmt: skip
    seconds = time.perf_counter() - start
    folder = work / "embedder"
    if not folder.exists():
        embedder.save(folder)
    embedder.model_.to(device(options))
    found = assess(embedder, datasets.moses("test"), corpus.smiles, n=options.molecules, seeds=options.molecules // 20)
    history = embedder.history_
    return {
        **facts, "steps": steps, "network": dataclasses.asdict(network), "seconds_of_last_call": round(seconds, 1),
        "epochs": steps * batch / rows, "curve": history[:: max(1, len(history) // 50)], "assessment": found,
        "notes": list(embedder.notes_),
    }  # fmt: skip


def main() -> None:
    """Run what is not in the file yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="*", default=["rate"], choices=["rate", "run"])
    parser.add_argument("--size", nargs="*", default=["1M", "10M", "65M"], choices=list(SIZES))
    parser.add_argument("--batches", nargs="*", type=int, default=[64, 256, 1024, 4096], help="of the part rate")
    parser.add_argument("--batch", type=int, default=1024, help="of the part run")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--epochs", type=float, help="instead of minutes")
    parser.add_argument("--steps", type=int, help="instead of minutes; also those timed in the part rate")
    parser.add_argument("--rows", type=int, default=1_584_663, help="molecules of MOSES")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--molecules", type=int, default=10_000, help="to assess by")
    parser.add_argument("--accelerator", default="gpu", choices=["gpu", "cpu"])
    parser.add_argument("--precision", default="bf16-mixed", choices=["32-true", "bf16-mixed"])
    parser.add_argument("--peak", type=float, help="of the card, in 10^12 operations a second")
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    parser.add_argument("--work", type=pathlib.Path, help="checkpoints and models (default in the data directory)")
    options = parser.parse_args()
    options.work = options.work or data_dir() / "study-molecules-gpu"
    lines = options.out.read_text("utf-8").splitlines() if options.out.is_file() else []
    names = ("part", "size", "batch", "rows", "seed", "precision", "device")
    done = {tuple(json.loads(line).get(k) for k in names) for line in lines}
    corpus = TextBlocks(datasets.moses("train")[: options.rows])
    with options.out.open("a", encoding="utf-8") as out:
        for part in options.part:
            for size in options.size:
                for batch in options.batches if part == "rate" else [options.batch]:
                    facts = (part, size, batch, len(corpus.smiles), options.seed, options.precision)
                    job = dict(zip(names, (*facts, name_of_card(options)), strict=True))
                    if tuple(job.values()) in done:
                        continue
                    if part == "rate":
                        found = rate(size, batch, SmilesBatches(corpus, batch, options.seed), options)
                    else:
                        found = run(size, corpus, options)
                    print(json.dumps(plain({**job, "torch": torch.__version__, **found})), file=out, flush=True)


if __name__ == "__main__":
    main()
