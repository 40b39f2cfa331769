"""What a user should know of a training that has ended: a sleeping gate, a full floor, a code that nobody reads."""

import math
import warnings
from collections.abc import Mapping

from torch import Tensor

from cmim.config import ModelConfig
from infocore.errors import TrainingWarning

__all__ = ["advise", "warn_of_scale"]

ASLEEP = 1e-3
FULL = 0.99
UNREAD = 0.01
WIDE = 30.0


def advise(config: ModelConfig, last: Mapping[str, float]) -> tuple[str, ...]:
    """Say what the last entry of a history shows, and warn of what is probably not meant.

    Parameters
    ----------
    config : ModelConfig
        Of the model.
    last : mapping of str to float
        Terms and diagnostics of one step.

    Returns
    -------
    tuple of str
        Notes, each with advice.

    Warns
    -----
    TrainingWarning
        If the contrastive term had weight but its gate is below 1e-3, the variances of a VAE are all at the floor, or
        the reconstruction does not get worse with the codes of other samples. That A-MIM's variances are at the floor
        is its nature, and a note only.

    Examples
    --------
    >>> config = ModelConfig("mim", 64, w_z=1.0)
    >>> [note[:44] for note in advise(config, {"gate": 0.1, "frac_at_floor": 1.0})]
    ['100 % of the log-variances are at their floo']
    """
    notes: list[str] = []

    def add(note: str, *, warn: bool) -> None:
        notes.append(note)
        if warn:
            warnings.warn(f"fit: {note}", TrainingWarning, stacklevel=4)

    if config.w_k and last.get("gate", 1.0) < ASLEEP:
        add(
            f"the gate of the contrastive term ended at {last['gate']:.1e}: it has no effect on the codes. Raise "
            "`temperature` or `w_k`, let the temperature be 'calibrated', or leave the term out.",
            warn=True,
        )
    mim = config.objective in ("mim", "cmim")
    if config.variance == "learned" and config.objective not in ("ae", "infonce"):
        share = last.get("frac_at_floor", 0.0)
        if share > FULL:
            add(
                f"{100 * share:.0f} % of the log-variances are at their floor of {config.logvar_floor:g}, which "
                + ("A-MIM drives them to: `logvar_floor` is the noise of the codes." if mim else
                   "a VAE does not do by itself: lower `logvar_floor`, or look at the scale of the data."),
                warn=not mim,
            )  # fmt: skip
    own, shuffled = last.get("reconstruction", math.nan), last.get("shuffled", math.nan)
    if shuffled - own < UNREAD * abs(own):
        add(
            f"the reconstruction is as good with the codes of other samples ({own:.4g} nats, {shuffled:.4g} shuffled): "
            "the decoder does not read the code. Train longer, or lower `beta` or `w_z`.",
            warn=True,
        )
    return tuple(notes)


def warn_of_scale(data: Tensor) -> None:
    """Warn of data that no one has scaled.

    Parameters
    ----------
    data : tensor
        What is to be trained on.

    Warns
    -----
    TrainingWarning
        If a value is beyond 30, as in images of 0 to 255.
    """
    low, high = (float(v) for v in data.aminmax())
    if max(-low, high) > WIDE:
        warnings.warn(
            f"fit: the values of `x` go from {low:g} to {high:g}. Networks train badly on unscaled data: divide "
            "images by 255, standardise the rest.",
            TrainingWarning,
            stacklevel=3,
        )
