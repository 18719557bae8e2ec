"""Where the public datasets are looked for, and what is said when they are not there."""

import socket
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torchvision.datasets import cifar, mnist

from cnnlab.data import find, load
from cnnlab.errors import InputError

LAYOUTS = [("fashion-mnist", "FashionMNIST/raw"), ("fashion-mnist", "fashion-mnist"), ("mnist", "MNIST/raw")]
DEBIAN = Path("/usr/share/datasets")


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize(("name", "folder"), LAYOUTS)
def test_files_are_read_in_either_layout_packed_or_not(
    name, folder, packed, fake_mnist, put, tmp_path, isolated
):
    contents, arrays = fake_mnist[name]
    put(tmp_path / folder, contents, packed)
    dataset = load(name, root=tmp_path, validation=10)
    assert (len(dataset.train), len(dataset.validation)) == (50, 10)
    assert torch.equal(dataset.test.labels, torch.from_numpy(arrays["t10k-labels-idx1-ubyte"]).long())
    expected = arrays["t10k-images-idx3-ubyte"][:, None].astype(np.float32) / np.float32(255)
    assert torch.equal(dataset.test.images, torch.from_numpy(expected))
    assert dataset.classes[1] == {"mnist": "1", "fashion-mnist": "Trouser"}[name]
    assert isolated == []


@pytest.mark.parametrize("copy", ["fake", *(["debian"] if (DEBIAN / "fashion-mnist").is_dir() else [])])
def test_a_system_copy_is_found(copy, request, monkeypatch, put, isolated):
    """The real one, where it is installed, is checked down to its checksums, sizes and classes."""
    sizes = (50_000, 10_000, 10_000)
    if copy == "fake":
        contents, _ = request.getfixturevalue("fake_mnist")["fashion-mnist"]
        put(find.SYSTEM / "fashion-mnist", contents, packed=True)
        sizes = (50, 10, 20)
    else:
        monkeypatch.setattr(find, "SYSTEM", DEBIAN)
    dataset = load("fashion-mnist", validation=sizes[1])
    parts = (dataset.train, dataset.validation, dataset.test)
    assert tuple(map(len, parts)) == sizes
    for part in parts:
        assert torch.bincount(part.labels).tolist() == [len(part) // 10] * 10
        assert (part.images.min(), part.images.max()) == (0, 1)
    assert dataset.classes[::9] == ("T-shirt/top", "Ankle boot")
    assert isolated == []


def test_the_order_of_places(fake_mnist, put, tmp_path, monkeypatch):
    """Argument, then CNNLAB_DATA, then the cache folder, then the system; the first complete one is read."""
    contents, _ = fake_mnist["mnist"]
    wrong = dict.fromkeys(contents, b"not this one")
    places = [tmp_path / "argument", tmp_path / "variable", tmp_path / "cache/cnnlab", find.SYSTEM]
    monkeypatch.setenv("CNNLAB_DATA", str(places[1]))
    read = {"root": places[0], "validation": 10}

    for place in places[1:]:
        put(place / "mnist", wrong)
    put(places[0] / "mnist", contents)
    load("mnist", **read)
    put(places[0] / "mnist", wrong)
    put(places[1] / "mnist", contents)
    with pytest.raises(InputError, match="argument/mnist"):
        load("mnist", **read)
    load("mnist", validation=10)
    monkeypatch.delenv("CNNLAB_DATA")
    with pytest.raises(InputError, match="cache/cnnlab/mnist"):
        load("mnist", validation=10)
    put(places[2] / "mnist", contents)
    load("mnist", validation=10)
    (places[2] / "mnist" / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(InputError, match="system/mnist"):  # incomplete: the next place
        load("mnist", validation=10)


def test_the_users_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/reader")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/reader")
    assert find.data_folder(None) == Path("/var/cache/reader/cnnlab")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    assert find.data_folder(None) == Path("/home/reader/.cache/cnnlab")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert find.data_folder(None) == Path("/home/reader/.cache/cnnlab")
    monkeypatch.setenv("CNNLAB_DATA", "")
    assert find.data_folder(None) == Path("/home/reader/.cache/cnnlab")
    monkeypatch.setenv("CNNLAB_DATA", "~/data")
    assert find.data_folder(None) == Path("/home/reader/data")
    assert find.data_folder("/elsewhere") == Path("/elsewhere")


@pytest.mark.parametrize(
    ("name", "fragments"),
    [
        ("mnist", ["MNIST/raw (nothing there)", "train-images-idx3-ubyte", "(plain or .gz)"]),
        ("fashion-mnist", ["FashionMNIST/raw (nothing there)", "sudo apt install dataset-fashion-mnist"]),
        ("cifar10", ["cifar-10-batches-py (nothing there)", "data_batch_5", "batches.meta"]),
    ],
)
def test_files_that_are_nowhere(name, fragments, tmp_path, isolated):
    with pytest.raises(InputError) as caught:
        load(name, root=tmp_path / "home")
    message = str(caught.value)
    always = [
        f"the files of {name} were not found",
        f"{tmp_path}/home/",
        f"{tmp_path}/system/",
        "Download: failed: ",
        "no network in tests",
        "connect to the internet",
        "use load('mnist-5k')",
    ]
    for fragment in always + fragments:
        assert fragment in message
    assert isolated  # it did try
    assert caught.value.__cause__ is None  # and no other traceback is shown
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_no_download_when_told_not_to(tmp_path, isolated):
    with pytest.raises(InputError, match="Download: not tried, since download=False"):
        load("cifar10", root=tmp_path, download=False)
    assert isolated == []


def test_an_incomplete_folder_says_what_it_lacks(fake_mnist, put, tmp_path):
    contents, _ = fake_mnist["mnist"]
    del contents["t10k-labels-idx1-ubyte"]
    put(tmp_path / "MNIST/raw", contents)
    with pytest.raises(InputError, match=r"MNIST/raw \(lacks t10k-labels-idx1-ubyte\)"):
        load("mnist", root=tmp_path)


def test_a_download_is_put_into_the_users_folder_and_used_from_then_on(
    fake_mnist, fake_cifar, numpy_2_4_0, put, tmp_path, monkeypatch
):
    calls = []

    def serve_mnist(url, download_root, filename, md5):
        calls.append(filename)
        name = filename.removesuffix(".gz")
        one = {name: fake_mnist["fashion-mnist"][0][name]}
        put(put(Path(download_root), one, packed=True), one)

    def serve_cifar(url, root, filename, md5):
        calls.append(filename)
        put(Path(root) / "cifar-10-batches-py", fake_cifar[0])

    monkeypatch.setattr(mnist, "download_and_extract_archive", serve_mnist)
    monkeypatch.setattr(cifar, "download_and_extract_archive", serve_cifar)
    for _ in range(2):
        assert len(load("fashion-mnist", validation=10).train) == 50
        assert len(load("cifar10", validation=10).train) == 90
    assert len(calls) == 5  # four files, one archive, once
    assert (tmp_path / "cache/cnnlab/FashionMNIST/raw/train-images-idx3-ubyte.gz").is_file()
    assert (tmp_path / "cache/cnnlab/cifar-10-batches-py/test_batch").is_file()


@pytest.mark.parametrize(
    "error",
    [
        URLError("unreachable"),
        TimeoutError("timed out"),
        PermissionError(13, "Permission denied"),
        RuntimeError("File not found\nor corrupted."),
        EOFError("ended too soon"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_download_that_fails_is_told_in_one_line(error, tmp_path, monkeypatch):
    seen = []

    def fail(*args, **kwargs):
        seen.append(socket.getdefaulttimeout())
        raise error

    monkeypatch.setattr(cifar, "download_and_extract_archive", fail)
    with pytest.raises(InputError) as caught:
        load("cifar10", root=tmp_path)
    [line] = [line for line in str(caught.value).splitlines() if line.startswith("Download: ")]
    assert " ".join(str(error).split()) in line
    assert seen == [find.TIMEOUT]
    assert socket.getdefaulttimeout() is None


def test_a_download_that_leaves_nothing_is_told_too(tmp_path, monkeypatch):
    """As torchvision's does where a folder of one of its old versions is in the way."""
    monkeypatch.setattr(find, "torchvision_class", lambda name: lambda root, download: None)
    with pytest.raises(InputError, match="Download: done, but the files are not there"):
        load("mnist", root=tmp_path)


def test_bad_arguments_are_found_before_anything_is_downloaded(isolated):
    for arguments in ({"seed": -1}, {"label_noise": 2}, {"device": "gpu"}, {"validation": -1}):
        with pytest.raises(InputError):
            load("mnist", **arguments)
    assert isolated == []
