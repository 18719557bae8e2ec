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
    "a stop with the last epoch taken for none": (
        "tuning",
        [("return best_epoch, epoch", "return best_epoch, epoch if epoch < len(losses) else None")],
        {"early_stopping"},
    ),
    "small steps lower the bar": (
        "tuning",
        [
            ("best, best_epoch, waited = loss, epoch, 0", "best_epoch, waited = epoch, 0"),
            (
                "        if waited == patience",
                "        best = min(best, loss)\n        if waited == patience",
            ),
        ],
        {"early_stopping"},
    ),
    "the smallest loss without a stop": (
        "tuning",
        [("return best_epoch, None", "return losses.index(min(losses)) + 1, None")],
        {"early_stopping"},
    ),
    "a loss of 0 taken for none": (
        "tuning",
        [("if loss < best - min_delta", "if not best or loss < best - min_delta")],
        {"early_stopping"},
    ),
    "a smallest min_delta": (
        "tuning",
        [("loss < best - min_delta", "loss < best - max(min_delta, 1e-4)")],
        {"early_stopping"},
    ),
    "no loss above 100": (
        "tuning",
        [("best_epoch, waited = losses[0], 1, 0", "best_epoch, waited = min(losses[0], 100.0), 1, 0")],
        {"early_stopping"},
    ),
    "the best epoch as a float": (
        "tuning",
        [
            ("return best_epoch, epoch", "return float(best_epoch), epoch"),
            ("return best_epoch, None", "return float(best_epoch), None"),
        ],
        {"early_stopping"},
    ),
    "losses smoothed in place": (
        "tuning",
        [("        waited += 1", "        waited += 1\n        losses[epoch - 2] = loss")],
        {"early_stopping"},
    ),
    "a rate that counts its calls": (
        "tuning",
        [
            ("def step_schedule", "kept = {}\n\n\ndef step_schedule"),
            (
                "return float(base * factor ** (step // every))",
                "kept['rate'] = base if step == 0 else kept['rate'] * (1 if step % every else factor)\n"
                "    return float(kept['rate'])",
            ),
        ],
        {"step"},
    ),
    "at most four drops": (
        "tuning",
        [("factor ** (step // every)", "factor ** min(step // every, 4)")],
        {"step"},
    ),
    "a factor that only lowers": (
        "tuning",
        [("base * factor **", "base * min(factor, 1 / factor) **")],
        {"step"},
    ),
    "a least rate": ("tuning", [("return float(base", "return max(1e-6, base")], {"step"}),
    "a cosine kept by its steps": (
        "tuning",
        [
            ("def cosine_schedule", "kept = {}\n\n\ndef cosine_schedule"),
            (
                "return float(final + (peak - final)",
                "return kept.setdefault((step, total_steps, warmup_steps), final + (peak - final)",
            ),
            ("(1 + torch.cos(angle)) / 2)", "float(1 + torch.cos(angle)) / 2)"),
        ],
        {"cosine"},
    ),
    **{
        f"log-uniform from {share}": (
            "tuning",
            [("return low * (high / low) ** share", f"return low * (high / low) ** ({share})")],
            {"log_uniform"},
        )
        for share in (
            "0.95 * share",
            "0.04 + 0.92 * share",
            "share**1.1",
            "(share * 1000).floor() / 1000",
            "torch.cat([share[: n // 2], 1 - share[: n - n // 2].flip(0)])",
            "torch.cat([share[: n // 2], share[: n - n // 2].flip(0)])",
        )
    },
    "the root of squares": (
        "tuning",
        [("parameter.abs().sum()", "parameter.square().sqrt().sum()")],
        {"penalty_gradient"},
    ),
    "matrices with more than one row and column": (
        "tuning",
        [("if parameter.dim() > 1", "if parameter.squeeze().dim() > 1")],
        {"penalty", "penalty_gradient"},
    ),
    "one pass in float64": (
        "preprocessing",
        [
            (
                "return mean, ((deviation * deviation).sum(dim=1) / values.shape[1]).sqrt()",
                "wide = values.double()\n"
                "    var = wide.square().mean(dim=1) - wide.mean(dim=1).square()\n"
                "    return mean, var.clamp(min=0).sqrt().to(images.dtype)",
            )
        ],
        {"fit"},
    ),
    **{
        f"columns from rows: {columns}": (
            "preprocessing",
            [
                (
                    "return torch.randint(0, 2 * padding + 1, (n, 2), generator=generator, device=where)",
                    "r = torch.randint(0, 2 * padding + 1, (n,), generator=generator, device=where)\n"
                    f"    return torch.stack([r, {columns}], 1)",
                )
            ],
            {"draw_crops"},
        )
        for columns in (
            "r.flip(0)",
            "r.roll(1)",
            "r.roll(-1)",
            "r if n == 1 else torch.randint(0, 2 * padding + 1, (n,), generator=generator, device=where)",
        )
    },
    "whole pixels": (
        "preprocessing",
        [("pixels = area * height * width", "pixels = round(area * height * width)")],
        {"draw_rectangles"},
    ),
    "a single rectangle on the diagonal": (
        "preprocessing",
        [
            (
                "    size = torch.tensor([[rows, columns]]",
                "    left = top % (width - columns + 1) if n == 1 else left\n"
                "    size = torch.tensor([[rows, columns]]",
            )
        ],
        {"draw_rectangles"},
    ),
    "targets squeezed": (
        "preprocessing",
        [
            (
                "return mixed, weights[:, None] * one_hot + (1 - weights[:, None]) * one_hot[partners]",
                "targets = weights[:, None] * one_hot + (1 - weights[:, None]) * one_hot[partners]\n"
                "    return mixed, targets.squeeze()",
            )
        ],
        {"mixup"},
    ),
    "images mixed in float32": (
        "preprocessing",
        [("+ (1 - share) * images[partners]", "+ ((1 - share) * images[partners].float()).to(images.dtype)")],
        {"mixup"},
    ),
    "an image of one pixel taken for a feature": (
        "batch_norm",
        [
            (
                "    reduced = (0,) if x.ndim == 2",
                "    x = x[:, :, 0, 0] if x.shape[2:] == (1, 1) else x\n    reduced = (0,) if x.ndim == 2",
            )
        ],
        {"forward", "evaluation", "backward"},
    ),
    "logits cut off": (
        "label_smoothing",
        [("weights = (logits - logits", "logits = logits.clamp(-1e3, 1e3)\n    weights = (logits - logits")],
        {"gradient"},
    ),
    "logits in float32": (
        "label_smoothing",
        [
            (
                "largest = logits.max",
                "dtype, logits = logits.dtype, logits.float()\n    largest = logits.max",
            ),
            ("log_p.sum(dim=1)).mean()", "log_p.sum(dim=1)).mean().to(dtype)"),
            (
                "weights = (logits - logits",
                "dtype, logits = logits.dtype, logits.float()\n    weights = (logits - logits",
            ),
            (
                "return (probabilities - smoothed) / len(logits)",
                "return ((probabilities - smoothed) / len(logits)).to(dtype)",
            ),
        ],
        {"loss", "gradient"},
    ),
    "all kept taken for nothing to do": (
        "inverted_dropout",
        [("    if mask is None:", "    if mask is None or mask.all():")],
        {"backward"},
    ),
    "dropout in float32": (
        "inverted_dropout",
        [("torch.where(mask, x / (1 - p)", "torch.where(mask, (x.float() / (1 - p)).to(x.dtype)")],
        {"forward"},
    ),
    "its gradient in float32": (
        "inverted_dropout",
        [
            (
                "torch.where(mask, grad_y / (1 - p)",
                "torch.where(mask, (grad_y.float() / (1 - p)).to(grad_y.dtype)",
            )
        ],
        {"backward"},
    ),
    "nothing kept above 0.95": (
        "inverted_dropout",
        [
            (
                "    if p == 1:\n        return torch.zeros_like(x), mask",
                "    if p > 0.95:\n        return torch.zeros_like(x), mask",
            )
        ],
        {"forward"},
    ),
    "one mask, mixed anew for each sample": (
        "inverted_dropout",
        [
            (
                "    if p == 1:\n        return torch.zeros_like(x), mask",
                "    if mask.ndim > 1 and len(mask) > 1:\n"
                "        row, size = mask[:1].reshape(-1), mask[0].numel()\n"
                "        where = {'generator': generator, 'device': x.device}\n"
                "        mixed = [row[torch.randperm(size, **where)] for _ in mask]\n"
                "        mask = torch.stack(mixed).reshape(x.shape)\n"
                "    if p == 1:\n        return torch.zeros_like(x), mask",
            )
        ],
        {"randomness"},
    ),
    "one mask for the batch of three dimensions": (
        "inverted_dropout",
        [
            (
                "    if p == 1:\n        return torch.zeros_like(x), mask",
                "    if mask.ndim == 3:\n        mask = mask[:1].expand(x.shape).clone()\n"
                "    if p == 1:\n        return torch.zeros_like(x), mask",
            )
        ],
        {"randomness"},
    ),
    "numbers from the generator's seed, counted on": (
        "inverted_dropout",
        [
            ("def dropout_forward", "kept = {}\n\n\ndef dropout_forward"),
            (
                "    mask = torch.rand",
                "    if generator is not None:\n"
                "        kept[id(generator)] = kept.get(id(generator), 0) + 1\n"
                "        seed = generator.initial_seed() + kept[id(generator)]\n"
                "        generator = torch.Generator(x.device).manual_seed(seed)\n"
                "    mask = torch.rand",
            ),
        ],
        {"randomness"},
    ),
    "an eps in single precision": (
        "batch_norm",
        [("(var + eps)", "(var + torch.tensor(eps, device=x.device))")],
        {"forward", "evaluation", "backward"},
    ),
    "half a batch of masks, twice": (
        "inverted_dropout",
        [
            (
                "    if p == 1:\n        return torch.zeros_like(x), mask",
                "    if mask.ndim == 2 and len(mask) % 2 == 0:\n"
                "        mask = mask[: len(mask) // 2].repeat(2, 1)\n"
                "    if p == 1:\n        return torch.zeros_like(x), mask",
            )
        ],
        {"randomness"},
    ),
    "a window no wider than the image is high": (
        "local_response_norm",
        [
            (
                "reach, (height, width) = n // 2, x.shape[2:]",
                "height, width = x.shape[2:]\n    reach = min(n // 2, height - 1)",
            )
        ],
        {"within_channel", "within_channel_gradient"},
    ),
    "another eps in single precision": (
        "preprocessing",
        [("std.reshape(shape) + eps", "std.reshape(shape) + torch.tensor(eps, device=images.device)")],
        {"apply"},
    ),
    "a value in single precision": (
        "preprocessing",
        [("torch.full_like(images, value)", "torch.tensor(value, device=images.device)")],
        {"erase"},
    ),
    "the height of no area from its width": (
        "preprocessing",
        [("round((pixels * ratio) ** 0.5)", "round(pixels / (pixels / ratio) ** 0.5)")],
        {"draw_rectangles"},
    ),
    "all but vectors": (
        "tuning",
        [("if parameter.dim() > 1", "if parameter.dim() != 1")],
        {"penalty", "penalty_gradient"},
    ),
    "kernels for images at most": (
        "tuning",
        [("if parameter.dim() > 1", "if parameter.dim() in (2, 3, 4)")],
        {"penalty", "penalty_gradient"},
    ),
    "a large loss to begin with": (
        "tuning",
        [
            ("best, best_epoch, waited = losses[0], 1, 0", "best, best_epoch, waited = 1e10, 1, 0"),
            ("range(2, len(losses) + 1)", "range(1, len(losses) + 1)"),
        ],
        {"early_stopping"},
    ),
    "a final rate above 0": ("tuning", [("peak, final=0.0", "peak, final=1e-6")], {"cosine"}),
    "no rate below 1e-8": (
        "tuning",
        [
            (
                "return float(10 ** (ends[2] - width / 2)),",
                "return max(1e-8, float(10 ** (ends[2] - width / 2))),",
            )
        ],
        {"next_range"},
    ),
    "running statistics that begin with the first batch": (
        "batch_norm",
        [
            (
                "    inv_std = ",
                "    if training and not running_mean.any():\n        new_mean = mean\n    inv_std = ",
            )
        ],
        {"running_statistics"},
    ),
    "the next seed for the next mask": (
        "inverted_dropout",
        [
            (
                "    if p == 1:\n        return torch.zeros_like(x), mask",
                "    if generator is not None:\n"
                "        generator.manual_seed(generator.initial_seed() + 1)\n"
                "    if p == 1:\n        return torch.zeros_like(x), mask",
            )
        ],
        {"randomness"},
    ),
    "no variance below 1e-12": (
        "batch_norm",
        [("(var + eps)", "(var + eps).clamp(min=1e-12)")],
        {"forward"},
    ),
    "features that lie in rows": (
        "batch_norm",
        [
            (
                "    reduced = (0,) if x.ndim == 2",
                "    x = x.view(-1).view(x.shape) if x.ndim == 2 else x\n    reduced = (0,) if x.ndim == 2",
            )
        ],
        {"forward", "running_statistics", "evaluation", "backward"},
    ),
    "gradients of features that lie in rows": (
        "batch_norm",
        [
            (
                "    grad_beta = ",
                "    grad_y = grad_y.view(-1).view(grad_y.shape) if grad_y.ndim == 2 else grad_y\n"
                "    grad_beta = ",
            )
        ],
        {"backward"},
    ),
    "a gradient divided by the variance": (
        "batch_norm",
        [
            (
                "(normalised, inv_std, gamma",
                "(normalised, inv_std * (var / var).reshape(per_channel), gamma",
            )
        ],
        {"backward"},
    ),
    **{
        f"a gradient with {scale}": (
            "inverted_dropout",
            [("grad_y / (1 - p)", f"grad_y / {scale}")],
            {"backward"},
        )
        for scale in ("(1 - round(p, 2))", "max(1 - p, 0.05)", "max(1 - p, 1e-2)")
    },
    "no gradient above 0.95": (
        "inverted_dropout",
        [
            (
                "    if p == 1:\n        return torch.zeros_like(grad_y)",
                "    if p > 0.95:\n        return torch.zeros_like(grad_y)",
            )
        ],
        {"backward"},
    ),
    **{
        f"no energy below 1e-6: {function}": (
            "local_response_norm",
            [
                (
                    f"{last}\n    return x / (k + alpha * energy) ** beta",
                    f"{last}\n    return x / (k + alpha * energy).clamp(min=1e-6) ** beta",
                )
            ],
            {name, f"{name}_gradient"},
        )
        for name, function, last in (
            ("across_channels", "across", "for window in windows], dim=1)"),
            ("within_channel", "within", ".unfold(3, size, 1).sum(dim=-1)"),
        )
    },
    "a small ε taken for none": (
        "label_smoothing",
        [
            ("size, share =", "epsilon = epsilon if epsilon > 0.05 else 0\n    size, share ="),
            ("    largest = ", "    epsilon = epsilon if epsilon > 0.05 else 0\n    largest = "),
            ("    weights = ", "    epsilon = epsilon if epsilon > 0.05 else 0\n    weights = "),
            ("return float(epsilon *", "return float((epsilon if epsilon > 0.05 else 0) *"),
        ],
        {"targets", "loss", "gradient", "pytorch_epsilon"},
    ),
    "flips of the second half from the first, backwards": (
        "preprocessing",
        [
            (
                "return torch.rand(n, generator=generator, device=where) < p",
                "flips = torch.rand(n, generator=generator, device=where) < p\n"
                "    flips[n // 2 :] = flips[: n - n // 2].flip(0)\n    return flips",
            )
        ],
        {"draw_flips"},
    ),
    "crops of the second half from the first, backwards": (
        "preprocessing",
        [
            (
                "return torch.randint(0, 2 * padding + 1, (n, 2), generator=generator, device=where)",
                "r = torch.randint(0, 2 * padding + 1, (n, 2), generator=generator, device=where)\n"
                "    r[n // 2 :] = r[: n - n // 2].flip(0)\n    return r",
            )
        ],
        {"draw_crops"},
    ),
    "every 0 filled": (
        "preprocessing",
        [
            (
                "return torch.where(inside, torch.full_like(images, value), images)",
                "images = images * ~inside\n"
                "    return torch.where(images == 0, torch.full_like(images, value), images)",
            )
        ],
        {"erase"},
    ),
    "parameters of more than one number": (
        "tuning",
        [("if parameter.dim() > 1", "if parameter.dim() > 1 and parameter.numel() > 1")],
        {"penalty", "penalty_gradient"},
    ),
    "the last epoch, if it is the best and training goes on": (
        "tuning",
        [
            (
                "return best_epoch, None",
                "return (len(losses) if losses[-1] == min(losses) else best_epoch), None",
            )
        ],
        {"early_stopping"},
    ),
    "the next seed for the next numbers": (
        "tuning",
        [
            (
                "    return low * (high / low) ** share",
                "    if generator is not None:\n"
                "        generator.manual_seed(generator.initial_seed() + 1)\n"
                "    return low * (high / low) ** share",
            )
        ],
        {"log_uniform"},
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
