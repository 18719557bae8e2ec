"""`cnnlab train`, end to end on small files in the public data sets' real formats."""

import sys

import pytest
import torch
from scipy import stats

from cnnlab import cli
from cnnlab.errors import InputError
from cnnlab.training import Trained, evaluate, standard, train_standard


@pytest.fixture
def cifar(fake_cifar, put, tmp_path):
    put(tmp_path / "cifar-10-batches-py", fake_cifar[0])
    return tmp_path


def command(monkeypatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["cnnlab", "train", *arguments])
    monkeypatch.setenv("COLUMNS", "120")
    cli.main()


@pytest.mark.parametrize("name", ["cifar10", "fashion-mnist"])
def test_one_command_trains_and_reports(name, cifar, fake_mnist, put, monkeypatch, capsys):
    put(cifar / "FashionMNIST/raw", fake_mnist["fashion-mnist"][0])
    monkeypatch.setenv("CNNLAB_DATA", str(cifar))
    with pytest.raises(SystemExit) as ended:
        command(monkeypatch, name, "--epochs", "2", "--validation", "10", "--seed", "3")
    assert not ended.value.code
    said = capsys.readouterr().out
    for word in (f"{name}: 20 test images, looked at once", "test accuracy", "95 % interval (binomial)"):
        assert word in said
    assert "seconds, of processor time" in said


def test_the_test_images_are_looked_at_once_and_after_training(cifar, monkeypatch):
    looked, sizes = [], []

    def watched(model, split, **options):
        looked.append(split.part)
        return evaluate(model, split, **options)

    monkeypatch.setattr(standard, "evaluate", watched)
    fit = standard.fit
    monkeypatch.setattr(
        standard, "fit", lambda m, a, b, **o: (sizes.append((a.part, b.part)), fit(m, a, b, **o))
    )
    done = train_standard("cifar10", epochs=1, validation=10, root=cifar)
    assert looked == ["test"]
    assert sizes == [("train", "validation")]
    assert (done.images, 0 <= done.correct <= 20) == (20, True)


def test_the_same_seed_gives_the_same_network(cifar):
    one, again, other = (
        train_standard("cifar10", epochs=1, validation=10, root=cifar, seed=seed) for seed in (1, 1, 2)
    )
    first = [value for model in (one, again, other) for value in [next(model.model.parameters())]]
    assert torch.equal(first[0], first[1])
    assert not torch.equal(first[0], first[2])
    assert one.model[0].is_fitted


def test_the_interval_is_wilsons():
    low, high = Trained("x", torch.nn.Identity(), 92, 100, 0, 1.0, 1.0).interval()
    z = stats.norm.ppf(0.975)
    centre, reach = (92 + z * z / 2) / (100 + z * z), z / (100 + z * z) * (92 * 8 / 100 + z * z / 4) ** 0.5
    assert (low, high) == pytest.approx((centre - reach, centre + reach))


def test_a_wrong_name_and_missing_files_are_one_sentence(monkeypatch, capsys, tmp_path):
    with pytest.raises(InputError, match="unknown data set for a standard training 'imagenet'"):
        train_standard("imagenet")
    with pytest.raises(SystemExit) as ended:
        command(monkeypatch, "cifar10", "--root", str(tmp_path))
    assert ended.value.code == 2
    assert "the files of cifar10 were not found" in capsys.readouterr().err
