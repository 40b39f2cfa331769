"""What scikit-learn's `set_output` needs of an embedder: names of its features."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import get_config
from sklearn.utils.validation import check_is_fitted

from infocore.errors import ParameterError

__all__ = ["Named"]


class Named:
    """Names the features of an embedder, as the columns of what `cmim embed` writes; it has no state of its own."""

    latent_dim: int

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:  # noqa: ARG002 - theirs
        """Names of the numbers of a code, which `set_output` gives to the columns of a table.

        Parameters
        ----------
        input_features : ignored
            Codes have names of their own.

        Returns
        -------
        array of shape (latent_dim,) of str
            "f0", "f1" and so on.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If `fit` was not called.
        """
        check_is_fitted(self, "model_")
        return np.array([f"f{j}" for j in range(self.latent_dim)], dtype=object)

    def _check_frame(self, kind: str, caller: str) -> None:
        """Refuse what the names are not of."""
        own: dict[str, Any] = getattr(self, "_sklearn_output_config", {})
        wanted = own.get("transform", get_config()["transform_output"])
        if kind != "latent" and wanted != "default":
            raise ParameterError(
                f"{caller}: `kind` must be 'latent' for output in {wanted}, whose columns bear the names of the code; "
                f"got {kind!r}. Call set_output(transform='default') before, and make the table of the array."
            )
