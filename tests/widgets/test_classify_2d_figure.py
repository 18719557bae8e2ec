"""The network trained in the page against the same network in PyTorch."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from cnnlab.widgets.classify_2d import Classify2D

USE = """
const { train } = module.data(0, "moons", 0.2);
const { theta } = module.start(1);
theta.forEach((_, i) => { theta[i] += 0.01 * Math.sin(i); }); // biases other than 0
const factors = [];
const drop = () => { factors.push([0, 2, 2][factors.length % 3]); return factors.at(-1); };
const settings = { decay: 0.05, drop };
const { loss, gradient } = module.lossGradient(theta, train, settings);
const predicted = train.map(({ x }) => module.predict(theta, x));
print({ train, theta: [...theta], factors, loss, gradient: [...gradient], predicted });

function trained(shape, decay, p, epochs, labelNoise = 0) {
  const { train, test } = module.data(0, shape, labelNoise);
  const state = module.start(0);
  module.train(state, train, { decay, p, rate: 0.03 }, epochs);
  const outputs = test.map(({ x }) => module.predict(state.theta, x));
  return { train: module.accuracy(state.theta, train), test: module.accuracy(state.theta, test),
    spread: Math.max(...outputs) - Math.min(...outputs) };
}
print({
  moons: trained("moons", 0, 0, 150),
  circles: trained("circles", 0, 0, 150),
  spiral: trained("spiral", 0, 0, 200),
  decay: trained("moons", 1, 0, 150), dropout: trained("moons", 0, 0.9, 150),
  noisy: trained("moons", 0, 0, 800, 0.2), regular: trained("moons", 0.01, 0, 800, 0.2),
});

const report = () => print(`${figure.querySelector("[aria-live]").previousSibling.textContent} ${words()}`);
const picture = () => figure.querySelector("svg").innerHTML;
report();
for (let i = 0; i < 3; i++) press("Step");
report();
const once = picture();
press("Reset");
report();
for (let i = 0; i < 3; i++) press("Step");
print(picture() === once); // seeded
const steps = [["weight decay", 10], ["dropout", 0.5], ["label noise", 0], ["learning rate", 6]];
for (const [name, value] of [...steps, ["data", "spiral"]]) {
  const before = picture();
  move(name, value);
  press("Step");
  print(picture() !== before);
}
move("dropout", 0);
move("weight decay", 0);
move("learning rate", 3);
press("Start");
print(words());
for (let i = 0; i < 4; i++) await new Promise(requestAnimationFrame);
press("Pause");
report();
const paused = picture();
await wait(200);
print(picture() === paused);
"""
STILL = """
press("Train 100 epochs");
print(words());
await wait(200);
print(words());
move("learning rate", 6);
"""


@pytest.fixture(scope="module")
def lines(browse: Callable[..., list[str]]) -> list[str]:
    return browse(Classify2D(label_noise=0.2), USE)


def torch_network(shown: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Loss with weight decay and the given dropout, its gradient, and the probabilities without dropout."""
    theta = torch.tensor(shown["theta"], dtype=torch.float64, requires_grad=True)
    x = torch.tensor([point["x"] for point in shown["train"]], dtype=torch.float64)
    y = torch.tensor([point["y"] for point in shown["train"]])
    masks = torch.tensor(shown["factors"], dtype=torch.float64).reshape(len(x), 2, 16)
    sizes = [(16, 2), (16,), (16, 16), (16,), (2, 16), (2,)]
    parts = theta.split([torch.Size(size).numel() for size in sizes])
    w1, b1, w2, b2, w3, b3 = (part.reshape(size) for part, size in zip(parts, sizes, strict=True))

    def logits(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        hidden = F.relu(F.linear(x, w1, b1)) * first
        return F.linear(F.relu(F.linear(hidden, w2, b2)) * second, w3, b3)

    loss = F.cross_entropy(logits(masks[:, 0], masks[:, 1]), y)
    loss = loss + 0.05 / 2 * sum(w.square().sum() for w in (w1, w2, w3))
    (gradient,) = torch.autograd.grad(loss, theta)
    one = torch.ones(())
    return loss, gradient, logits(one, one).softmax(dim=1)[:, 1]


def test_loss_gradient_and_prediction_are_those_of_pytorch(lines: list[str]) -> None:
    shown = json.loads(lines[0])
    loss, gradient, predicted = torch_network(shown)
    assert shown["loss"] == pytest.approx(loss.item(), rel=1e-12)
    assert shown["gradient"] == pytest.approx(gradient.tolist(), rel=1e-9, abs=1e-14)
    assert shown["predicted"] == pytest.approx(predicted.tolist(), rel=1e-9)


def test_without_noise_it_learns_every_shape(lines: list[str]) -> None:
    results = json.loads(lines[1])
    for shape in ("moons", "circles", "spiral"):
        assert results[shape]["train"] > 0.95, shape
        assert results[shape]["test"] > 0.9, shape


def test_too_much_regularization_makes_the_output_constant(lines: list[str]) -> None:
    results = json.loads(lines[1])
    for kind in ("decay", "dropout"):
        assert results[kind]["spread"] < 0.05, kind
        assert results[kind]["train"] < 0.7, kind


def test_a_little_weight_decay_keeps_it_from_learning_flipped_labels(lines: list[str]) -> None:
    results = json.loads(lines[1])
    assert results["noisy"]["train"] > results["regular"]["train"] + 0.04
    assert results["noisy"]["test"] < results["regular"]["test"] - 0.04


def test_the_buttons(lines: list[str]) -> None:
    start, stepped, reset = lines[2:5]
    assert start.startswith("Epoch 0: accuracy ")
    assert start.endswith("Not trained yet.")
    assert "Paused after 3 epochs." in stepped
    assert reset == start
    assert lines[5] == "true"
    assert lines[-3] == "Training runs."
    found = re.search(r"Paused after (\d+) epochs\. No label is flipped\.", lines[-2])
    assert found
    assert int(found[1]) > 10
    assert lines[-1] == "true"  # nothing moves after Pause


def test_every_control_changes_the_picture(lines: list[str]) -> None:
    assert lines[6:11] == ["true"] * 5


def test_it_does_not_move_for_people_who_asked_for_that(browse: Callable[..., list[str]]) -> None:
    lines = browse(Classify2D(label_noise=0.0), STILL, "--force-prefers-reduced-motion")
    assert lines == ["Paused after 100 epochs. No label is flipped."] * 2
