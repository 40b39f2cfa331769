"""MIFace on digits: ours beside ART's and AIJack's, on the same networks (a part of `bench_mid_attacks`)."""

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from mid_peers import Row, peer, timed
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from torch.nn import functional

from infocore.torch.layers import linear, mlp
from mid.torch.attacks import MIFace, ModuleTarget
from mid.torch.attacks.reconstructions import ClassReconstructions
from mid.torch.class_judge import judge_classes

STEPS, STEP = 3000, 0.1


def networks(x: np.ndarray, y: np.ndarray, seed: int) -> Iterator[tuple[str, torch.nn.Module]]:
    """Softmax regression, and a small network: modules from images to logits."""
    fitted = LogisticRegression(C=1.0, max_iter=1000).fit(x, y)
    head = linear(64, 10, torch.Generator())
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(fitted.coef_))
        head.bias.copy_(torch.from_numpy(fitted.intercept_))
    yield "softmax regression", head
    network = mlp((64, 64, 32, 10), torch.Generator().manual_seed(seed))
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    rows, labels = torch.from_numpy(x.astype(np.float32)), torch.from_numpy(y)
    for _ in range(300):
        optimizer.zero_grad()
        functional.cross_entropy(network(rows), labels).backward()
        optimizer.step()
    yield "network 64-64-32-10", network


def faces(seed: int) -> Iterator[Row]:
    """MIFace on digits, judged by a support vector machine trained on other records."""
    digits = load_digits()
    x, y = (digits.data / 16).astype(np.float32), digits.target.astype(np.int64)
    private, other = np.split(np.random.default_rng(seed).permutation(len(x)), [900])
    evaluator = SVC(C=10, random_state=0).fit(x[other], y[other])
    means = np.stack([x[private][y[private] == c].mean(0) for c in range(10)])
    for name, module in networks(x[private], y[private], seed):
        module.eval().requires_grad_(False)
        for who, attack, run in (*our_faces(module), *their_faces(module)):
            (images, steps), seconds = timed(run)
            with torch.no_grad():
                p = module(torch.from_numpy(images)).softmax(1)[range(10), range(10)].numpy()
            found = ClassReconstructions(images, np.arange(10), p, steps, steps, {"kind": attack})
            verdict = judge_classes(
                found, evaluator=evaluator.decision_function, x_private=x[private], y_private=y[private]
            )
            like = [np.corrcoef(a, b)[0, 1] for a, b in zip(images, means, strict=True) if a.std() > 0]
            yield {
                "what": "miface",
                "case": name,
                "seed": seed,
                "who": who,
                "attack": attack,
                "accuracy": verdict.accuracy.value,
                "evaluator_accuracy": float(evaluator.score(x[private], y[private])),
                "confidence_mean": float(p.mean()),
                "confidence_min": float(p.min()),
                "correlation": float(np.mean(like)),
                "class_mean_mse": verdict.class_mean_mse.value,
                "steps": steps,
                "cpu_s": seconds,
            }


Faces = Iterator[tuple[str, str, Callable[[], tuple[np.ndarray, int]]]]


def our_faces(module: torch.nn.Module) -> Faces:
    for name, rule in (
        ("stop at .99", {"cost_threshold": 0.01}),
        ("all steps", {"window": STEPS, "cost_threshold": -1.0}),
    ):

        def run(rule: dict[str, Any] = rule) -> tuple[np.ndarray, int]:
            found = MIFace(start=np.zeros(64), step=STEP, max_steps=STEPS, **rule).run(ModuleTarget(module))
            return found.images, found.steps

        yield "mid", f"MIFace, {name}", run


def their_faces(module: torch.nn.Module) -> Faces:
    probabilities = torch.nn.Sequential(module, torch.nn.Softmax(1))
    if peer("art") is None:
        print("ART is left out: it cannot be imported")
    else:
        inversion = importlib.import_module("art.attacks.inference.model_inversion")
        estimator = importlib.import_module("art.estimators.classification").PyTorchClassifier(
            probabilities, torch.nn.CrossEntropyLoss(), (64,), 10, clip_values=(0.0, 1.0), device_type="cpu"
        )
        for name, rule in (("threshold .99, its default", 0.99), ("threshold .01", 0.01)):

            def run(rule: float = rule) -> tuple[np.ndarray, int]:
                steps, gradient = 0, estimator.class_gradient

                def counted(rows: np.ndarray, *rest: Any, **more: Any) -> np.ndarray:
                    nonlocal steps
                    steps += len(rows)
                    return gradient(rows, *rest, **more)

                estimator.class_gradient = counted
                attack = inversion.MIFace(
                    estimator, max_iter=STEPS, threshold=rule, learning_rate=STEP, batch_size=10, verbose=False
                )
                images = attack.infer(None, np.arange(10))
                estimator.class_gradient = gradient
                return np.asarray(images, np.float32), steps

            yield "art", f"MIFace, {name}", run
    aijack = peer("aijack.attack.inversion.mi_face")
    if aijack is None:
        print("AIJack is left out: it cannot be imported")
        return

    def per_class() -> tuple[np.ndarray, int]:
        images = [
            aijack.MI_FACE(
                probabilities,
                input_shape=(1, 64),
                target_label=c,
                lam=STEP,
                num_itr=STEPS,
                process_func=lambda x: x.clamp(0, 1),
                log_interval=0,
            ).attack()[0]
            for c in range(10)
        ]
        return np.concatenate([image.detach().numpy() for image in images]), 10 * STEPS

    yield "aijack", "MI_FACE", per_class
