"""Laws with exact mutual information, to score estimators on.

`BMI_V1` holds the 40 laws of the BMI benchmark, `MORE` laws of our own without elliptical copulas, `TASKS` both.

>>> from infocore.tasks import BMI_V1
>>> drawn = BMI_V1["student-identity-3-3-2"].draw(1000, rng=0)
>>> drawn.x.shape, drawn.pointwise.shape
((1000, 3), (1000,))
"""

import difflib
from collections.abc import Mapping
from types import MappingProxyType

from infocore.errors import ParameterError
from infocore.tasks._bmi import bmi_v1
from infocore.tasks._more import more
from infocore.tasks._task import Draw as Draw
from infocore.tasks._task import Task as Task

__all__ = ["BMI_V1", "MORE", "TASKS", "Draw", "Task", "task"]

BMI_V1: Mapping[str, Task] = MappingProxyType({law.name: law for law in bmi_v1()})
MORE: Mapping[str, Task] = MappingProxyType({law.name: law for law in more()})
TASKS: Mapping[str, Task] = MappingProxyType({**BMI_V1, **MORE})


def task(name: str) -> Task:
    """Return the law of that name.

    Parameters
    ----------
    name : str
        A key of `TASKS`.

    Returns
    -------
    Task

    Raises
    ------
    ParameterError
        If there is none; the message names those that come close.

    Examples
    --------
    >>> task("1v1-additive-0.75").information
    0.3333333333333333
    """
    if name in TASKS:
        return TASKS[name]
    close = difflib.get_close_matches(str(name), TASKS, n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(close)}?" if close else "see `infocore.tasks.TASKS`."
    raise ParameterError(f"task: `name` must be one of the {len(TASKS)} laws; got {name!r}; {hint}")
