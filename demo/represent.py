"""MIM, cMIM and InfoNCE encoders on images, beside raw pixels and PCA of the same width."""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA

import cmim
from cmim import Embedder
from cmim.views import ShiftNoise
from demo.settings import Floats, Part, Settings, Split, Step
from infocore.report import Images, Section, Table

MODELS = ("mim", "cmim")
NAMES = {"mim": "MIM", "cmim": "cMIM"}


def run(split: Split, settings: Settings, step: Step) -> Part:
    """Train three encoders on all but the fresh images, and report on the fresh ones."""
    train = np.concatenate([split.x_train, split.x_known])
    labels = np.concatenate([split.y_train, split.y_known])
    fresh = split.x_fresh
    embeddings: dict[str, tuple[Floats, Floats, float | None]] = {"raw pixels": (train, fresh, None)}
    pictures: dict[str, Floats] = {"original": fresh}
    samples: dict[str, Floats] = {}
    step("PCA")
    pca = PCA(settings.latent_dim, random_state=settings.seed).fit(train)
    back = np.clip(pca.inverse_transform(pca.transform(fresh)), 0, 1).astype(np.float32)
    embeddings[f"PCA, {settings.latent_dim}"] = (pca.transform(train), pca.transform(fresh), _mse(back, fresh))
    pictures["PCA"] = back
    gates: dict[str, float] = {}
    for name in MODELS:
        step(f"training {NAMES[name]}")
        embedder = Embedder(
            name,
            latent_dim=settings.latent_dim,
            max_steps=settings.encoder_steps,
            seed=settings.seed,
            accelerator="cpu",
        ).fit(train)
        back = embedder.inverse_transform(embedder.transform(fresh))
        gates[NAMES[name]] = float(embedder.history_[-1].get("gate", np.nan))
        for kind in ("latent", "informative"):
            embeddings[f"{NAMES[name]} {kind}"] = (
                embedder.transform(train, kind=kind),
                embedder.transform(fresh, kind=kind),
                _mse(back, fresh),
            )
        pictures[NAMES[name]] = back
        samples[NAMES[name]] = embedder.sample(12, rng=settings.seed)
    step("training InfoNCE")
    contrastive = cmim.InfoNCE(
        split.shape[0] * split.shape[1], settings.latent_dim, views=ShiftNoise(*split.shape), seed=settings.seed
    )
    cmim.fit(contrastive, train, max_steps=settings.encoder_steps, seed=settings.seed, accelerator="cpu")
    codes = [cmim.latent(contrastive, part).numpy() for part in (train, fresh)]
    embeddings["InfoNCE latent"] = (codes[0], codes[1], None)
    step("evaluating the embeddings")
    rows = [_row(name, a, b, mse, labels, split.y_fresh, settings.seed) for name, (a, b, mse) in embeddings.items()]
    by_name = {row[0]: row for row in rows}
    section = Section(
        "Embeddings of images",
        f"Encoders of width {settings.latent_dim} trained for {settings.encoder_steps} steps of 100 images; accuracy on "
        f"{len(fresh)} fresh images, by five nearest neighbours and by logistic regression, with what the size of the "
        "test set leaves open. Informative embeddings are the decoder's last hidden layer at the code.",
        [
            Table("Fresh images, by embedding", _COLUMNS, rows, _note(gates)),
            Images(
                "Reconstructions", list(pictures), np.stack([_grid(p[:12], split.shape) for p in pictures.values()])
            ),
            Images(
                "Samples from a normal law fitted to the codes",
                list(samples),
                np.stack([_grid(p, split.shape) for p in samples.values()]),
            ),
        ],
    )
    headline = [
        (f"{name}: k-NN / linear accuracy", f"{by_name[name][3]:.3f} / {by_name[name][5]:.3f}")
        for name in ("raw pixels", "MIM latent", "cMIM latent", "InfoNCE latent")
    ]
    return Part(section, headline)


_COLUMNS = [
    "embedding",
    "width",
    "reconstruction MSE",
    "k-NN",
    "k-NN, cosine",
    "linear probe",
    "95 % from",
    "to",
    "I(z; label), nats",
]


def steps() -> int:
    """Return how often `run` reports a step."""
    return len(MODELS) + 3


def _row(
    name: str, a: Floats, b: Floats, mse: float | None, labels: np.ndarray, fresh_labels: np.ndarray, seed: int
) -> list[str | float | int | None]:
    scores = cmim.evaluate_embeddings(a, labels, b, fresh_labels)
    linear = scores.linear
    told = cmim.information(b, fresh_labels, rng=seed).label.value if name != "raw pixels" and a.shape[1] < 64 else None
    knn = scores.knn_euclidean.value, scores.knn_cosine.value
    return [name, a.shape[1], mse, *knn, linear.value, linear.low, linear.high, told]


def _note(gates: dict[str, float]) -> str:
    gate = gates["cMIM"]
    return (
        f"The gate of cMIM's contrastive term, the factor on its gradient, is {gate:.1e} at the end of training: where it "
        "is below about 1e-2 cMIM is MIM in effect. InfoNCE sees augmented views (shift and noise), the others do not. "
        "I(z; label) by nearest neighbours is biased down as the width grows and is "
        "left out above 64; the labels' entropy is its ceiling. One seed: differences within the intervals are no result."
    )


def _mse(a: Floats, b: Floats) -> float:
    return float(np.mean((a - b) ** 2))


def _grid(rows: Floats, shape: tuple[int, int]) -> Floats:
    return np.clip(rows.reshape(-1, *shape), 0, 1)
