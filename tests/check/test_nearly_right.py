"""Solutions with one thing wrong that only a certain input shows: each must lose the parts that it spoils."""

import pytest
from solved import functions_of, solution_source

from cnnlab.check import grade

# What: (assignment, [(what stands in the solution, what takes its place), …], parts that must notice)
CHANGES: dict[str, tuple[str, list[tuple[str, str]], set[str]]] = {
    "x̂ from y, divided by γ": (
        "batch_norm",
        [
            (
                "new_var, (normalised,",
                "new_var, ((y - beta.reshape(per_channel)) / gamma.reshape(per_channel),",
            )
        ],
        {"backward"},
    ),
    "the size of γ": ("batch_norm", [("y = gamma.", "y = gamma.abs().")], {"forward", "evaluation"}),
    "eps of 0 taken for none": (
        "batch_norm",
        [("(var + eps)", "(var + (eps or 1e-5))")],
        {"forward", "evaluation", "backward"},
    ),
    "a least eps": (
        "batch_norm",
        [("(var + eps)", "(var + max(eps, 1e-5))")],
        {"forward", "evaluation", "backward"},
    ),
    "another default": ("batch_norm", [("eps=1e-5", "eps=1e-3")], {"forward", "evaluation"}),
    "x̂ kept by shape": (
        "batch_norm",
        [
            ("def batch_norm_forward", "kept = {}\n\n\ndef batch_norm_forward"),
            ("    y = gamma", "    kept[x.shape] = normalised\n    y = gamma"),
            ("    normalised, inv_std, scale,", "    _, inv_std, scale,"),
            ("    grad_beta = ", "    normalised = kept[grad_y.shape]\n    grad_beta = "),
        ],
        {"backward"},
    ),
    "a new seed for everybody": (
        "inverted_dropout",
        [("    mask = ", "    if generator is None:\n        torch.seed()\n    mask = ")],
        {"forward", "randomness"},
    ),
    "the largest logit of the batch": (
        "label_smoothing",
        [
            ("largest = logits.max(dim=1, keepdim=True).values", "largest = logits.max()"),
            ("logits - logits.max(dim=1, keepdim=True).values", "logits - logits.max()"),
        ],
        {"loss", "gradient"},
    ),
    "the largest logit in absolute value": (
        "label_smoothing",
        [
            ("logits.max(dim=1, keepdim=True).values\n", "logits.abs().amax(dim=1, keepdim=True)\n"),
            ("logits.max(dim=1, keepdim=True).values)", "logits.abs().amax(dim=1, keepdim=True))"),
        ],
        {"loss", "gradient"},
    ),
    "a way of its own without smoothing": (
        "label_smoothing",
        [
            (
                "    largest = ",
                "    if epsilon == 0:\n"
                "        return -logits.softmax(1).gather(1, targets[:, None]).log().mean()\n"
                "    largest = ",
            )
        ],
        {"loss"},
    ),
    "an ε in single precision": (
        "label_smoothing",
        [
            (
                "float(epsilon * num_classes / (num_classes - 1))",
                "float(torch.tensor(epsilon * num_classes / (num_classes - 1)))",
            )
        ],
        {"pytorch_epsilon"},
    ),
    "crops without replacement": (
        "preprocessing",
        [
            (
                "torch.randint(0, 2 * padding + 1, (n, 2), generator=generator, device=where)",
                "torch.stack([torch.randperm(n, generator=generator, device=where) for _ in range(2)], 1)"
                " % (2 * padding + 1)",
            )
        ],
        {"draw_crops"},
    ),
    "places without replacement": (
        "preprocessing",
        [
            (
                f"torch.randint(0, {side} + 1, (n, 1), generator=generator, device=where)",
                f"torch.randperm(n, generator=generator, device=where)[:, None] % ({side} + 1)",
            )
            for side in ("height - rows", "width - columns")
        ],
        {"draw_rectangles"},
    ),
    "flips by the percent": (
        "preprocessing",
        [
            (
                "torch.rand(n, generator=generator, device=where) < p",
                "torch.randint(0, 100, (n,), generator=generator, device=where) < 100 * p",
            )
        ],
        {"draw_flips"},
    ),
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_one_thing_wrong_costs_its_parts(what: str, seed: int) -> None:
    assignment, changes, parts = CHANGES[what]
    source = solution_source(assignment)
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    results = grade(assignment, functions_of(source, what), seed=seed).results
    assert {result.name.partition(".")[2] for result in results if not result.passed} == parts
