"""Every bad argument is named, with its value and what is allowed."""

import math
from collections.abc import Callable

import pytest
import torch

from cnnlab import reference

X = torch.zeros(4, 3, 2, 2)
V = torch.ones(3)
T = torch.tensor([0, 2, 1, 1])
LOGITS = torch.zeros(4, 3)


def bn(**changed: object) -> object:
    given = {"x": X, "gamma": V, "beta": V, "running_mean": V, "running_var": V, **changed}
    return reference.batch_norm(**given)  # type: ignore[arg-type]


def lrn(**changed: object) -> object:
    given = {"x": X, "n": 3, "k": 1.0, "alpha": 1.0, "beta": 0.75, "across": "channels", **changed}
    return reference.local_response_norm(**given)  # type: ignore[arg-type]


BAD: list[tuple[Callable[[], object], str]] = [
    (lambda: reference.inverted_dropout(X, 1.2), r"p is 1\.2; it must be a number in \[0, 1\]"),
    (lambda: reference.inverted_dropout(X, -0.1), r"p is -0\.1"),
    (lambda: reference.inverted_dropout(X, math.nan), "p is nan"),
    (lambda: reference.inverted_dropout(X, "0.5"), "p is '0.5'"),  # type: ignore[arg-type]
    (lambda: reference.inverted_dropout(X.long(), 0.5), r"x is a torch.int64 tensor .* floating-point"),
    (lambda: reference.inverted_dropout([1.0], 0.5), "x is of type list"),  # type: ignore[arg-type]
    (lambda: reference.inverted_dropout(X, 0.5, mask=X), r"mask is a torch.float32 .* a bool tensor"),
    (lambda: reference.inverted_dropout(X, 0.5, mask=V > 0), r"mask .* shape \(3,\).* \(4, 3, 2, 2\)"),
    (lambda: reference.inverted_dropout(X, 0.5, mask=1), "mask is of type int"),  # type: ignore[arg-type]
    (lambda: bn(x=X[0]), r"x .* 2 or 4 dimensions"),
    (lambda: bn(gamma=torch.ones(4)), r"gamma .* shape \(4,\).* \(3,\)"),
    (lambda: bn(running_var=V.long()), "running_var is a torch.int64"),
    (lambda: bn(running_mean=None), "running_mean is of type NoneType"),
    (lambda: bn(momentum=1.5), r"momentum is 1\.5; it must be a number in \[0, 1\]"),
    (lambda: bn(eps=-1e-5), "eps is -1e-05; .* at least 0"),
    (lambda: bn(eps=math.inf), "eps is inf"),
    (lambda: bn(x=X[:1, :, :1, :1]), r"x .*\(1, 3, 1, 1\).* at least two values per channel in training"),
    (lambda: bn(x=X[:0]), "at least two values per channel"),
    (lambda: lrn(x=LOGITS), "x .* 4 dimensions"),
    (lambda: lrn(n=0), "n is 0; it must be an int of at least 1"),
    (lambda: lrn(n=2.0), r"n is 2\.0"),
    (lambda: lrn(n=True), "n is True"),
    (lambda: lrn(k=-1.0), r"k is -1\.0"),
    (lambda: lrn(alpha=-1.0), r"alpha is -1\.0"),
    (lambda: lrn(beta=math.nan), "beta is nan"),
    (lambda: lrn(across="batch"), 'across is \'batch\'; it must be "channels" or "space"'),
    (lambda: reference.smooth_labels(T, 3, 1.0), r"epsilon is 1\.0; it must be a number in \[0, 1\)"),
    (lambda: reference.smooth_labels(T, 1, 0.1), "num_classes is 1; it must be an int of at least 2"),
    (lambda: reference.smooth_labels(T, 2, 0.1), r"targets is a vector that holds 2; .*\[0, 2\)"),
    (lambda: reference.smooth_labels(T - 1, 3, 0.1), "holds -1"),
    (lambda: reference.smooth_labels(T.float(), 3, 0.1), "targets is a torch.float32"),
    (lambda: reference.smooth_labels(T[:, None], 3, 0.1), r"targets .*\(4, 1\).* a vector"),
    (lambda: reference.label_smoothing_loss(LOGITS, T[:2], 0.1), "targets is of length 2"),
    (lambda: reference.label_smoothing_loss(LOGITS[0], T, 0.1), "logits .* 2 dimensions"),
    (lambda: reference.label_smoothing_loss(LOGITS, T, -0.1), "epsilon is -0.1"),
    (lambda: reference.pytorch_epsilon(0.1, 1), "num_classes is 1"),
    (lambda: reference.pytorch_epsilon(1.0, 3), r"epsilon is 1\.0"),
]


@pytest.mark.parametrize(("call", "message"), BAD, ids=[message for _, message in BAD])
def test_a_bad_argument_is_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
