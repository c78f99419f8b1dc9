"""Projections of embeddings to two dimensions."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from asda.extras import require
from asda.files import InputError

Method = Literal["pca", "umap"]
FEWEST = 3  # smallest number of clips of a projection
NEIGHBOURS = 15  # of UMAP, its default
SEED = 0


def project(embeddings: np.ndarray, method: Method = "pca") -> np.ndarray:
    """Return coordinates (clips, 2) float32 of embeddings; the same input gives the same result.

    Args:
        embeddings: (clips, width) float32
        method: "pca", the two directions of largest variance, or "umap" (McInnes et al. 2018),
            which keeps neighbours together; its distances between groups mean little

    Raises:
        InputError: if there are fewer than 3 clips, or umap-learn is not installed.
        ValueError: if there is no such method.
    """
    require_method(method)
    if len(embeddings) < FEWEST:
        raise InputError(f"a projection needs {FEWEST} clips or more, not {len(embeddings)}")
    return (_pca if method == "pca" else _umap)(embeddings).astype(np.float32)


def require_method(method: Method) -> None:
    """Refuse a method that cannot be used, before the embeddings are computed.

    Raises:
        InputError: if umap-learn is not installed.
        ValueError: if there is no such method.
    """
    if method not in get_args(Method):
        raise ValueError(f"no projection '{method}'")
    if method == "umap":
        require("umap", ["umap"], "pca")


def axis_names(embeddings: np.ndarray, method: Method) -> tuple[str, str]:
    """Return names of the two axes; those of PCA say how much of the variance they hold."""
    if method == "umap":
        return "UMAP 1", "UMAP 2"
    from sklearn.decomposition import PCA

    first, second = PCA(2, svd_solver="full").fit(embeddings).explained_variance_ratio_
    return f"PCA 1 ({first:.0%} of the variance)", f"PCA 2 ({second:.0%} of the variance)"


def _pca(embeddings: np.ndarray) -> np.ndarray:
    from sklearn.decomposition import PCA

    found: np.ndarray = PCA(2, svd_solver="full").fit_transform(embeddings)
    return found


def _umap(embeddings: np.ndarray) -> np.ndarray:
    from umap import UMAP

    neighbours = min(NEIGHBOURS, len(embeddings) - 1)
    start = "spectral" if len(embeddings) > NEIGHBOURS else "random"  # spectral needs enough clips
    # A fixed seed makes UMAP use one thread.
    reducer = UMAP(n_neighbors=neighbours, random_state=SEED, init=start, n_jobs=1)
    found: np.ndarray = reducer.fit_transform(embeddings)
    return found
