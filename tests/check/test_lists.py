"""Arguments that are lists of tensors, and results that are whole numbers, over both transports."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional as vision

from cnnlab.check import grade
from cnnlab.check.transport import Gradient, Local
from cnnlab.check.values import Argument
from cnnlab.check.watch import Ban, settled
from cnnlab.check.wire import Remote, serve

BAN = Ban("nothing_is_banned")


def local(function: Callable[..., Any]) -> Local:
    return Local({"f": function}, BAN)


def remote(function: Callable[..., Any]) -> Remote:
    kept: list[Any] = []
    settle = settled()
    return Remote(lambda data: serve(data, {"f": function}, kept, lambda ban: settle()), BAN)


@pytest.fixture(params=[local, remote], ids=["local", "remote"])
def transport(request: pytest.FixtureRequest) -> Any:
    return request.param


def given() -> list[Argument]:
    return [Argument(torch.tensor([[1.0, -2.0]]), "transposed"), Argument(torch.tensor([3.0]))]


def test_a_list_arrives_as_a_list(transport: Any) -> None:
    answer = transport(lambda items, x: (int(type(items) is list), items[0], items[1])).call(
        "f", (given(), 1.0), {}
    )
    assert answer.error is None
    assert answer.value[0] == 1
    assert torch.equal(answer.value[1], torch.tensor([[1.0, -2.0]]))
    assert not answer.changed


def test_gradients_of_a_list_come_back_one_by_one(transport: Any) -> None:
    answer = transport(lambda items: items[0].square().sum()).call(
        "f", (given(),), {}, gradient=Gradient(0, torch.tensor(1.0))
    )
    assert [g.tolist() for g in answer.value] == [[[2.0, -4.0]], [0.0]]


@pytest.mark.parametrize("change", [lambda items: items[1].add_(1), lambda items: items.pop()])
def test_a_changed_item_or_list_is_noticed(transport: Any, change: Callable[..., Any]) -> None:
    answer = transport(lambda items: change(items) is None).call("f", (given(),), {})
    assert answer.changed == ["argument 0"]


def test_numpys_whole_numbers_are_numbers(transport: Any) -> None:
    assert transport(lambda: (np.int64(3), np.int32(-1))).call("f", (), {}).value == (3, -1)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ((2, 4), "stop_epoch is 4; expected 5."),
        ((2, None), "stop_epoch is None; expected an int."),
        ((2, torch.tensor(5)), "stop_epoch is a tensor; expected an int."),
        ((3, 5), "best_epoch is 3; expected 2."),
        (5, "returned 5; expected 2 values"),
    ],
)
def test_a_wrong_whole_number_is_named(result: object, message: str) -> None:
    report = grade("tuning", {"early_stopping": lambda losses, patience, min_delta=0.0: result}, seed=1)
    assert message in report.results[5].message


def test_torchvisions_functions_are_no_answer() -> None:
    def crop(images, padding, offsets):  # type: ignore[no-untyped-def]
        height, width = images.shape[2:]
        padded = vision.pad(images, [padding])
        rows = zip(padded, offsets.tolist(), strict=True)
        return torch.stack([vision.crop(image, *offset, height, width) for image, offset in rows])

    def flip(images, flips):  # type: ignore[no-untyped-def]
        return torch.where(flips[:, None, None, None], vision.horizontal_flip(images), images)

    def erase(images, rectangles, value=0.0):  # type: ignore[no-untyped-def]
        fill = torch.tensor(value, dtype=images.dtype)
        rows = zip(images, rectangles.tolist(), strict=True)
        return torch.stack([vision.erase(image, *r, fill) for image, r in rows])

    report = grade("preprocessing", {"crop": crop, "flip": flip, "erase": erase}, seed=1)
    found = {r.name: r.message for r in report.results if r.name.split(".")[1] in ("crop", "flip", "erase")}
    assert len(found) == 3
    for message in found.values():
        assert "gave right values, but called torch's" in message


def test_pytorchs_schedulers_and_the_courses_library_are_no_answer() -> None:
    from cnnlab import reference

    def step_schedule(step, base, every, factor=0.1):  # type: ignore[no-untyped-def]
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=base)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, every, factor)
        for _ in range(step):
            optimizer.step()
            schedule.step()
        return optimizer.param_groups[0]["lr"]

    given = {"step_schedule": step_schedule, "next_range": reference.next_range}
    results = grade("tuning", given, seed=1).results
    assert "right values, but called torch's" in results[3].message
    assert "right values, but called cnnlab.reference" in results[6].message
