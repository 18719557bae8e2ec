"""Sanity checks: a minute that shows whether a network, its data and its loop can work at all.

Each check takes a `Setting` and returns a `Verdict`. They train copies; the model, its gradients, its mode
and the global random state stay as they are. Sources: S1 and S3; Karpathy's notes for cs231n and his "Recipe
for Training Neural Networks", 2019.
"""

import copy
import inspect
import io
import math
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from cnnlab.data import Split
from cnnlab.data.arguments import refused, whole
from cnnlab.errors import InputError
from cnnlab.training.diagnostics.setting import Setting, Verdict, at_rate_zero, shorten
from cnnlab.training.evaluation import Loss, evaluate, in_evaluation
from cnnlab.training.loop import fit, sgd
from cnnlab.training.penalties import OptimizerFactory, Penalty

FEW = 20  # examples to learn by heart. Source: S3
TOLERANCE = 0.15  # of ln K, for the loss before the first step
LEARNT = 0.2  # of ln K: the loss of examples that are known by heart is below it
# If Adam fails, suspect a bug (S0). The second rate is for networks that are too small for the first.
ADAM = (partial(torch.optim.Adam, lr=1e-3), partial(torch.optim.Adam, lr=1e-2))
STEPS = 400


def sanity_checks(
    model: nn.Module,
    train: Split,
    validation: Split | None = None,
    *,
    classes: int | None = None,
    loss: Loss = F.cross_entropy,
    optimizer: OptimizerFactory = sgd,
    penalty: Penalty | None = None,
    after_step: Sequence[Callable[[nn.Module], object]] = (),
    loop: Callable[..., object] = fit,
    frozen: Sequence[str] = (),
    seed: int = 0,
    show: bool = True,
) -> list[Verdict]:
    """Ask all of `CHECKS` about a network that has not been trained yet, and print a verdict for each.

    Args:
        validation: needed for the check that what is learnt holds for other images.
        classes: K; by default the largest training label plus 1.
        penalty, after_step: as for `fit`.
        loop: your own loop in place of `fit`; called with the same arguments, of which it may ignore
            `progress`, `penalty` and `after_step` only if you use none.
        frozen: beginnings of the names of parameters that are not to be trained.
        show: print the verdicts.

    Raises:
        InputError: a split is empty, or a label is outside 0 … K−1.
    """
    if len(train) < 2 or (validation is not None and not len(validation)):
        raise InputError("the checks need two training images at least, and validation images if given.")
    largest = int(train.labels.max())
    K = largest + 1 if classes is None else whole("classes", classes, 2)
    if not (int(train.labels.min()) >= 0 and largest < K):
        raise refused("classes", K, f"above every label; the labels reach from {int(train.labels.min())} "
                      f"to {largest}")  # fmt: skip
    setting = Setting(
        model=model,
        train=train,
        validation=validation,
        classes=max(K, 2),
        loss=loss,
        optimizer=optimizer,
        penalty=penalty,
        after_step=after_step,
        loop=loop,  # type: ignore[arg-type]
        frozen=tuple(frozen),
        seed=seed,
    )
    verdicts = []
    for name, check in CHECKS.items():
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            torch.manual_seed(seed)
            try:
                verdict = check(setting)
            except InputError:
                raise
            except Exception as error:  # whatever a broken network raises is an answer
                reason = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
                verdict = Verdict("", False, f"the check could not be run to its end ({reason})",
                                  "look at this error first")  # fmt: skip
        verdicts.append(Verdict(name, verdict.passed, verdict.evidence, verdict.advice, verdict.values))
        if show:
            print(verdicts[-1])
    return verdicts


def initial_loss(setting: Setting) -> Verdict:
    """A network that knows nothing gives each class 1/K: its loss is ln K."""
    images, labels = setting.batch(500)
    model, expected = setting.copy().train(), math.log(setting.classes)
    with torch.no_grad():
        logits = model(images)
        value = setting.loss(logits, labels).item()
    found = f"the loss is {value:.4f} and ln {setting.classes} is {expected:.4f}"
    values = {"loss": value, "expected": expected, "logits": logits.shape[-1]}
    if logits.ndim != 2 or logits.shape[1] != setting.classes:
        shape, wanted = tuple(logits.shape), (len(labels), setting.classes)
        return Verdict("", False, f"{found}; the outputs have the shape {shape}, not {wanted}",
                       "give the last layer one output per class", values)  # fmt: skip
    if bool((logits >= 0).all()) and torch.allclose(logits.sum(dim=1), torch.ones(()).to(logits), atol=1e-3):
        return Verdict("", False, f"{found}; the outputs of each image add up to 1",
                       "the loss wants logits: leave the softmax out of the network", values)  # fmt: skip
    if math.isfinite(value) and abs(value - expected) <= TOLERANCE * expected:
        return Verdict("", True, found, values=values)
    spread = logits.std().item()
    advice = f"the logits' standard deviation is {spread:.2g}: look at the scale of inputs and last layer"
    if value > 0.5 * len(labels) * expected:
        advice = "it is the sum over the examples: take their mean"
    elif value < expected:
        advice = "it knows something already: a trained network, or labels that leak into the images?"
    return Verdict("", False, found, advice, values)


def penalty_raises_loss(setting: Setting) -> Verdict:
    """A penalty is positive, finite, and pulls at the weights."""
    if setting.penalty is None:
        return Verdict("", None, "no penalty is used")
    model = setting.copy()
    images, labels = setting.batch(500)
    with torch.no_grad():
        plain = setting.loss(model.train()(images), labels).item()
    price = setting.penalty(model)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    pull = 0.0
    if price.requires_grad:
        slopes = torch.autograd.grad(price, weights, allow_unused=True)
        pull = sum(float(slope.norm()) for slope in slopes if slope is not None)
    found = f"the loss is {plain:.4f} without and {plain + price.item():.4f} with the penalty"
    values = {"without": plain, "with": plain + price.item(), "gradient": pull}
    if not (math.isfinite(price.item()) and price.item() > 0):
        return Verdict("", False, found, "a penalty is above 0: look at its sign and its strength", values)
    if not pull > 0:
        return Verdict("", False, f"{found}; its gradient is 0 for every weight of this network",
                       "compute it from the model it is given, without detach, .data or .item()",
                       values)  # fmt: skip
    return Verdict("", True, found, values=values)


def few_examples_by_heart(setting: Setting) -> Verdict:
    """A sound network and loop learn twenty examples by heart, with Adam and without regularization."""
    few, value, accuracy = _few(setting.train), math.inf, 0.0
    limit = LEARNT * math.log(setting.classes)
    for optimizer in ADAM:
        model = setting.copy(dropout=False)
        plain = {"epochs": STEPS, "batch_size": len(few), "penalty": None, "after_step": ()}
        setting.fit(model, few, optimizer=optimizer, **plain)
        value, accuracy = evaluate(model, few, loss=setting.loss)
        if accuracy == 1 and value < limit:
            break
    found = f"after {STEPS} steps on {len(few)} examples, {100 * accuracy:.0f} % are right, loss {value:.3g}"
    values = {"accuracy": accuracy, "loss": value}
    if accuracy == 1 and value < limit:
        return Verdict("", True, found, values=values)
    advice = "look for a bug: labels out of order, layers that do not learn, a step that is left out"
    if accuracy == 1:
        advice = f"the loss should fall below {limit:.2g}: softmax twice, or dropout that stays on?"
    return Verdict("", False, found, advice, values)


def gradients_arrive(setting: Setting) -> Verdict:
    """Every parameter is trained and gets a gradient, and every layer is registered and used once."""
    model = setting.copy(dropout=False).train()
    images, labels = setting.batch(100)
    model.zero_grad()
    setting.loss(model(images), labels).backward()
    named = {name: w for name, w in model.named_parameters() if not name.startswith(tuple(setting.frozen))}
    problems = {
        "no gradient is asked for": [n for n, w in named.items() if not w.requires_grad],
        "no gradient arrives": [n for n, w in named.items() if w.requires_grad and w.grad is None],
        "the gradient is 0": [n for n, w in named.items() if w.grad is not None and not w.grad.any()],
        "the gradient is not finite": [
            n for n, w in named.items() if w.grad is not None and not w.grad.isfinite().all()
        ],
        "in a plain list, so unknown to the optimizer": _unregistered(model),
        "the same layer again": _repeated(model),
    }
    found = [f"{what}: {shorten(names)}" for what, names in problems.items() if names]
    if not found:
        return Verdict("", True, f"all {len(named)} parameters get a gradient", values={"count": len(named)})
    advice = "look for detach, requires_grad=False, a list in place of nn.ModuleList, n * [layer]"
    return Verdict("", False, "; ".join(found), advice, dict(problems))


def rate_zero_changes_nothing(setting: Setting) -> Verdict:
    """An epoch at the rate 0 leaves every parameter as it is; one at the given rate moves all of them."""
    moved = {}
    for name, optimizer in {"zero": at_rate_zero(setting.optimizer), "given": setting.optimizer}.items():
        model = setting.copy()
        setting.fit(model, setting.small(), optimizer=optimizer)
        before = dict(setting.model.named_parameters())
        moved[name] = [n for n, w in model.named_parameters() if not torch.equal(w, before[n].to(w))]
    names = [n for n, _ in setting.model.named_parameters() if not n.startswith(tuple(setting.frozen))]
    still = [name for name in names if name not in moved["given"]]
    found = f"at the rate 0, {len(moved['zero'])} of {len(names)} parameters change"
    found += f"; at the given rate {len(names) - len(still)}"
    if moved["zero"]:
        advice = f"something other than the optimizer's step changes {shorten(moved['zero'])}"
        return Verdict("", False, found, advice, moved)
    if still:
        advice = f"never changed: {shorten(still)}; are they given to the optimizer, and is step() called?"
        return Verdict("", False, found, advice, moved)
    return Verdict("", True, found, values=moved)


def checkpoint_round_trip(setting: Setting) -> Verdict:
    """What is saved is all there is: a new network with the saved state gives the same outputs."""
    trained, fresh, file = setting.copy(), setting.copy(), io.BytesIO()
    setting.fit(trained, setting.small())
    torch.save(trained.state_dict(), file)
    file.seek(0)
    fresh.load_state_dict(torch.load(file, weights_only=True))
    images, _ = setting.batch(100)
    with in_evaluation(trained, fresh):
        worst = (trained(images) - fresh(images)).abs().max().item()
    found = f"outputs of the loaded network differ by at most {worst:.2g}"
    if worst != 0:
        return Verdict("", False, found, "something that training changes is not in state_dict()",
                       {"difference": worst})  # fmt: skip
    if "checkpoint" not in inspect.signature(setting.loop).parameters:
        return Verdict("", True, found, values={"difference": worst})
    resumed, whole_run = setting.copy(), setting.copy()
    setting.fit(whole_run, setting.small(), epochs=2)
    with tempfile.TemporaryDirectory() as folder:
        for model, epochs in ((setting.copy(), 1), (resumed, 2)):
            plugs = {"after_step": copy.deepcopy(setting.after_step)}
            setting.fit(model, setting.small(), epochs=epochs, checkpoint=Path(folder) / "run.pt", **plugs)
    ours, theirs = whole_run.state_dict(), resumed.state_dict()
    same = all(torch.equal(ours[name], theirs[name]) for name in ours)
    found += f"; a run that goes on from its file {'has' if same else 'has NOT'} the same bits"
    return Verdict("", same, found, "" if same else "something that changes is not in the checkpoint")


def evaluation_is_deterministic(setting: Setting) -> Verdict:
    """In evaluation mode the outputs are the same twice, whatever else is in the batch, and nothing moves."""
    model = setting.copy()
    images, _ = setting.batch(32)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    try:
        with in_evaluation(model):
            first, again = model(images), model(images)
            alone = torch.cat([model(image.unsqueeze(0)) for image in images])
    except ValueError as error:  # batch norm without running statistics refuses a single value
        found = f"one image alone cannot be evaluated ({error})"
        return Verdict("", False, found, "an image's output depends on the other images: batch norm that "
                       "uses the batch's statistics in evaluation")  # fmt: skip
    changed = [name for name, value in model.state_dict().items() if not torch.equal(value, before[name])]
    scale = max(1.0, first.abs().max().item())
    twice, together = (first - again).abs().max().item(), (first - alone).abs().max().item()
    found = f"the same images twice differ by {twice:.2g}, alone and in a batch by {together:.2g}"
    values = {"twice": twice, "alone": together, "changed": changed}
    if twice:
        return Verdict("", False, found, "dropout stays on: give F.dropout training=self.training", values)
    if together > 1e-4 * scale:
        return Verdict("", False, found, "an image's output depends on the other images: batch norm that "
                       "uses the batch's statistics in evaluation", values)  # fmt: skip
    if changed:
        return Verdict("", False, f"{found}; evaluation changes {shorten(changed)}",
                       "state must change in training mode only", values)  # fmt: skip
    return Verdict("", True, found, values=values)


def holds_for_other_images(setting: Setting) -> Verdict:
    """After a short training, validation images are answered better than by always saying one class.

    The threshold is the share of the commonest class plus three standard deviations of it by chance.
    """
    if setting.validation is None:
        return Verdict("", None, "no validation images were given")
    small, n = setting.small(500), len(setting.validation)
    share = torch.bincount(setting.validation.labels).max().item() / n
    limit = share + 3 * math.sqrt(share * (1 - share) / n)
    epochs = max(10, STEPS // math.ceil(len(small) / 50))
    accuracy = seen = 0.0
    for optimizer in ADAM:
        model = setting.copy(dropout=False)
        setting.fit(model, small, epochs=epochs, optimizer=optimizer, penalty=None, after_step=())
        seen = evaluate(model, small, loss=setting.loss)[1]
        accuracy = evaluate(model, setting.validation, loss=setting.loss)[1]
        if accuracy > limit:
            break
    found = (
        f"after training on {len(small)} images, {100 * accuracy:.1f} % of the validation images are right"
    )
    found += f"; saying one class gets {100 * share:.1f} %"
    values = {"accuracy": accuracy, "train": seen, "chance": share, "limit": limit}
    if accuracy > limit:
        return Verdict("", True, found, values=values)
    return Verdict("", False, found, "do labels belong to their images, and are both splits prepared alike?",
                   values)  # fmt: skip


CHECKS: dict[str, Callable[[Setting], Verdict]] = {
    "initial loss": initial_loss,
    "penalty raises the loss": penalty_raises_loss,
    "twenty examples by heart": few_examples_by_heart,
    "gradients arrive": gradients_arrive,
    "rate 0 changes nothing": rate_zero_changes_nothing,
    "checkpoint round trip": checkpoint_round_trip,
    "evaluation is deterministic": evaluation_is_deterministic,
    "holds for other images": holds_for_other_images,
}


def _few(train: Split) -> Split:
    """Twenty examples with as many classes as possible: in turn the next of each class."""
    labels = train.labels.cpu()
    rank = torch.zeros(len(labels), dtype=torch.long)
    for label in labels.unique():
        mine = labels == label
        rank[mine] = torch.arange(int(mine.sum()))
    chosen = torch.argsort(rank, stable=True)[:FEW]
    return Split(train.images[chosen], train.labels[chosen])


def _unregistered(model: nn.Module) -> list[str]:
    """Layers in plain lists, tuples and dicts, where no optimizer finds them."""
    known, found = set(model.modules()), []
    for path, part in model.named_modules():
        for name, value in vars(part).items():
            items = value.values() if isinstance(value, dict) else value
            if name.startswith("_") or not isinstance(value, list | tuple | dict):
                continue
            if any(isinstance(item, nn.Module) and item not in known for item in items):
                found.append(f"{path}.{name}".lstrip("."))
    return found


def _repeated(model: nn.Module) -> list[str]:
    """Names under which a layer with parameters is met again."""
    seen: set[nn.Module] = set()
    found = []
    for name, part in model.named_modules(remove_duplicate=False):
        if part in seen and next(part.parameters(recurse=False), None) is not None:
            found.append(name)
        seen.add(part)
    return found
