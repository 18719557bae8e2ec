"""Decorrelating pixels: PCA, PCA whitening, ZCA whitening."""

import torch
from torch import Tensor

from cnnlab.data.arguments import refused, whole
from cnnlab.data.transforms.fitted import Fitted
from cnnlab.errors import InputError, unknown

KINDS = ("rotate", "pca", "zca")


class Whiten(Fitted):
    """Rotate images to uncorrelated components, scale these to variance 1, and maybe rotate back.

    With the covariance U S Uᵀ of the D = C·H·W values of an image, an image minus the mean is multiplied by

    - "rotate": Uᵀ (uncorrelated, not scaled; also called PCA);
    - "pca": (S + ε)^(−½) Uᵀ, all variances S/(S + ε);
    - "zca": U (S + ε)^(−½) Uᵀ, the whitening that changes an image least.

    Args:
        kind: one of `KINDS`. "zca" returns images; the others return components, largest variance first:
            (N, C, H, W), or (N, components, 1, 1) when some are left out.
        eps: ε, added to the variances: without it, directions that hold only noise are blown up.
        components: keep only the first so many; all unless given. Not for "zca".

    Source: Kessy, Lewin & Strimmer 2018, "Optimal Whitening and Decorrelation".
    """

    mean: Tensor
    matrix: Tensor
    variances: Tensor

    def __init__(self, kind: str = "zca", *, eps: float = 1e-5, components: int | None = None) -> None:
        super().__init__()
        if kind not in KINDS:
            raise unknown("kind of whitening", kind, KINDS)
        if not eps >= 0:
            raise refused("eps", eps, "a number of at least 0")
        if components is not None:
            components = whole("components", components, 1)
            if kind == "zca":
                raise InputError("components= is for 'rotate' and 'pca'; ZCA returns whole images.")
        self.kind, self.eps, self.components = kind, eps, components
        for name in ("mean", "matrix", "variances"):
            self.register_buffer(name, torch.empty(0))

    def _measure(self, images: Tensor) -> dict[str, Tensor]:
        mean = images.mean(dim=0)
        X = (images - mean).flatten(1)  # (N, D)
        if self.components is not None and self.components > X.shape[1]:
            raise refused("components", self.components, f"at most the {X.shape[1]} values of an image")
        variances, U = torch.linalg.eigh(X.T @ X / len(X))
        variances, U = variances.flip(0).clamp(min=0), U.flip(1)  # rounding may leave one below 0
        # An eigenvector's sign is arbitrary: its largest entry is made positive.
        U = U * U.gather(0, U.abs().argmax(dim=0, keepdim=True)).sign()
        if self.eps == 0 and self.kind != "rotate" and variances[-1] <= 1e-12 * variances[0]:
            raise InputError(
                "whitening with eps=0 divides by 0: some combination of pixels never varies in the training "
                "images; give eps, for example 1e-5."
            )
        scale = torch.ones_like(variances) if self.kind == "rotate" else (variances + self.eps) ** -0.5
        matrix = scale.unsqueeze(1) * U.T  # (D, D), one component a row
        matrix = U @ matrix if self.kind == "zca" else matrix[: self.components]
        return {"mean": mean, "matrix": matrix, "variances": variances}

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the shape that the kind says."""
        self._require_fit()
        if x.shape[1:] != self.mean.shape:
            raise InputError(
                f"Whiten was fitted on images of shape {tuple(self.mean.shape)}; these are {tuple(x.shape)}."
            )
        y = (x - self.mean).flatten(1) @ self.matrix.T
        if len(self.matrix) == self.mean.numel():
            return y.reshape(x.shape)
        return y.reshape(len(x), -1, 1, 1)
