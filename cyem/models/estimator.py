"""What scikit-learn expects of an estimator, without importing it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import numpy as np

from ..notices import NamelessWarning, not_fitted, warn
from ..rows import data, door

if TYPE_CHECKING:
    from typing import Any, Self

    from numpy.typing import NDArray

    from ..rows.types import Booleans, FileName


class Estimator:
    """Parameters, fitted state and input of an estimator, as scikit-learn's tools ask for them.

    A subclass takes its parameters as keywords of ``__init__``, which stores each under its own name and does nothing
    else. One that has files has `_saved = True` and `_check_whole`. ``fit`` reads the data through `cyem.rows.data`,
    and calls `_remember` when nothing can fail any more; other methods read them through `observed`, or `_samples`
    where nothing may be missing. ``fit`` and ``score`` take ``sample_weight``.
    """

    n_features_in_: int
    feature_names_in_: NDArray[Any]
    columns_used_: Booleans
    _gaps = False  # whether values may be missing
    _parts = ()  # attributes of a fitted one that are estimators themselves, for files
    _kinds = ()  # pairs: the name of an attribute, and what makes it of the list that files have of it

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name.

        Parameters
        ----------
        deep : bool
            For scikit-learn; no parameter is an estimator with parameters of its own.

        Returns
        -------
        dict

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> GaussianMixture(3).get_params()["n_components"]
        3
        """
        return {name: getattr(self, name) for name in defaults(type(self))}

    def set_params(self, **params: Any) -> Self:
        """Change parameters, all or, if one is unknown, none.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For a name that is no parameter.

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> GaussianMixture().set_params(n_components=3, covariance_type="tied")
        GaussianMixture(n_components=3, covariance_type='tied')
        """
        valid = list(defaults(type(self)))
        for name in params:
            if name not in valid:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {self}. Valid parameters are: {sorted(valid)!r}."
                )
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def save(self, path: FileName) -> None:
        """Write the fitted model to a file, from which `cyem.load` makes it again; no pickle.

        Parameters
        ----------
        path : str or path-like

        Raises
        ------
        NotFittedError
            Before `fit`.
        OSError
            If the file cannot be written; one that was there is then as it was.

        Examples
        --------
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import numpy as np
        >>> from cyem import MixtureRegressor, load
        >>> model = MixtureRegressor().fit(np.arange(10.0)[:, None], np.arange(10.0) ** 2)
        >>> with TemporaryDirectory() as folder:
        ...     model.save(Path(folder, "model.npz"))
        ...     load(Path(folder, "model.npz")).predict([[4.5]]).round(1).tolist()
        [28.5]
        """
        from .persistence import save

        save(self, path)

    def __repr__(self) -> str:
        with np.printoptions(threshold=8, edgeitems=2):
            changed = [
                f"{name}={' '.join(repr(value).split())}"
                for name, default in defaults(type(self)).items()
                if repr(value := getattr(self, name)) != repr(default)
            ]
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_is_fitted__(self) -> bool:
        return any(name.endswith("_") and not name.startswith("_") for name in vars(self))

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(estimator_type="density_estimator", target_tags=TargetTags(required=False),
                    input_tags=InputTags(allow_nan=self._gaps))

    def get_metadata_routing(self) -> Any:
        """Whether ``fit``, ``score`` and ``partial_fit`` get ``sample_weight`` from a scikit-learn meta-estimator.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRequest

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> GaussianMixture(2).get_metadata_routing().fit.requests
        {'sample_weight': None}
        """
        from sklearn.utils.metadata_routing import MetadataRequest, get_routing_for_object

        if hasattr(self, "_metadata_request"):
            return get_routing_for_object(self._metadata_request)
        requests = MetadataRequest(owner=self)
        for method in ("fit", "score", *["partial_fit"] * hasattr(self, "partial_fit")):
            getattr(requests, method).add_request(param="sample_weight", alias=None)
        return requests

    def set_fit_request(self, *, sample_weight: bool | str | None = "$UNCHANGED$") -> Self:
        """Say whether a scikit-learn meta-estimator passes ``sample_weight`` on to ``fit``.

        Parameters
        ----------
        sample_weight : bool, None or str
            True: pass it on; False: do not; None: raise an error if there is one; text: pass on what has this name.

        Returns
        -------
        self

        Examples
        --------
        >>> import sklearn
        >>> from cyem import GaussianMixture
        >>> with sklearn.config_context(enable_metadata_routing=True):
        ...     model = GaussianMixture(2).set_fit_request(sample_weight=True)
        >>> model.get_metadata_routing().fit.requests
        {'sample_weight': True}
        """
        return self._request("fit", sample_weight)

    def set_score_request(self, *, sample_weight: bool | str | None = "$UNCHANGED$") -> Self:
        """Say whether a scikit-learn meta-estimator passes ``sample_weight`` on to ``score``.

        Parameters
        ----------
        sample_weight : bool, None or str
            True: pass it on; False: do not; None: raise an error if there is one; text: pass on what has this name.

        Returns
        -------
        self

        Examples
        --------
        >>> import sklearn
        >>> from cyem import GaussianMixture
        >>> with sklearn.config_context(enable_metadata_routing=True):
        ...     model = GaussianMixture(2).set_score_request(sample_weight=True)
        >>> model.get_metadata_routing().score.requests
        {'sample_weight': True}
        """
        return self._request("score", sample_weight)

    def _request(self, method, sample_weight):
        from sklearn import get_config
        from sklearn.utils.metadata_routing import UNCHANGED

        if not get_config()["enable_metadata_routing"]:
            raise RuntimeError(
                "Metadata routing is not enabled: call sklearn.set_config(enable_metadata_routing=True) first."
            )
        requests = self.get_metadata_routing()
        if sample_weight != UNCHANGED:
            getattr(requests, method).add_request(param="sample_weight", alias=sample_weight)
        self._metadata_request = requests
        return self

    def _check_fitted(self):
        """Raise NotFittedError before fit."""
        if "n_features_in_" not in vars(self) and not self.__sklearn_is_fitted__():
            raise not_fitted(
                f"This {type(self).__name__} instance is not fitted yet. Call 'fit' with appropriate arguments before "
                "using this estimator."
            )

    def _remember(self, n_features, names, used=None):
        """Set n_features_in_, and feature_names_in_ if there are names: together with the rest that fit sets.

        used: booleans (columns,), where these are only some of the columns that X had; X may have all of them later on.
        """
        self.n_features_in_ = n_features
        if used is not None:
            self.columns_used_ = used
        elif hasattr(self, "columns_used_"):
            del self.columns_used_
        if names is not None:
            self.feature_names_in_ = names
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _samples(self, X):
        """X as `data.samples` has it, checked to have the features of fit."""
        array, complete = observed(self, X)
        return array if complete else data.samples(array)

    def _other_width(self, d):
        """The error for another number of features than in fit."""
        return ValueError(f"X has {d} features, but {type(self).__name__} is expecting {self.n_features_in_} features "
                          "as input.")

    def _check_names(self, names):
        fitted = getattr(self, "feature_names_in_", None)
        if names is fitted is None:
            return
        own = type(self).__name__
        if names is None:
            warn(f"X does not have valid feature names, but {own} was fitted with feature names", NamelessWarning)
        elif fitted is None:
            warn(f"X has feature names, but {own} was fitted without feature names")
        elif not np.array_equal(names, fitted):
            raise ValueError(_mismatch(list(fitted), list(names)))


def observed(model, X):
    """X as `data.observed` has it, and whether it is complete; what every method but fit begins with."""
    known = vars(model)
    if "n_features_in_" not in known:
        model._check_fitted()
    names, used = None, known.get("columns_used_")
    if type(X) is not np.ndarray:
        X = door.scanned(X)
        names = data.feature_names(X)
        if used is not None and names is not None and len(names) == len(used):
            names = names[used]
    if names is not None or "feature_names_in_" in known:
        model._check_names(names)
    array, complete = data.observed(X)
    d = array.shape[1]
    if used is not None and d == len(used):
        array = np.ascontiguousarray(array[:, used])
        d = array.shape[1]
    if d != known.get("n_features_in_", d):
        raise model._other_width(d)
    return array, complete


def defaults(kind):
    """The parameters of an estimator, a class, and their default values, in the order of the signature."""
    return {name: parameter.default for name, parameter in inspect.signature(kind).parameters.items()}


def _mismatch(fitted, given):
    """What is wrong with the given names, in the words of scikit-learn."""
    lines = ["The feature names should match those that were passed during fit."]
    for title, names in (
        ("Feature names unseen at fit time:", sorted(set(given) - set(fitted))),
        ("Feature names seen at fit time, yet now missing:", sorted(set(fitted) - set(given))),
    ):
        if names:
            lines += [title, *(f"- {name}" for name in names[:5]), *(["- ..."] if len(names) > 5 else [])]
    if len(lines) == 1:
        lines.append("Feature names must be in the same order as they were in fit.")
    return "\n".join(lines) + "\n"
