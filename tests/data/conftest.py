"""Small copies of the public datasets, made by the tests; no network, none of the user's files."""

import gzip
import hashlib
import pickle
import struct
import warnings
from pathlib import Path
from types import SimpleNamespace
from urllib.error import URLError

import numpy as np
import pytest
from torchvision.datasets import CIFAR10, cifar, mnist

from cnnlab.data import files, find

PER_CLASS = {"train": 6, "t10k": 2}


@pytest.fixture(autouse=True)
def isolated(monkeypatch, tmp_path):
    """No settings, no system folder, no network: a download fails at once and is counted."""
    monkeypatch.delenv("CNNLAB_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(find, "SYSTEM", tmp_path / "system")
    calls = []

    def refuse(url, *args, **kwargs):
        calls.append(url)
        raise URLError("no network in tests")

    for module in (mnist, cifar):
        monkeypatch.setattr(module, "download_and_extract_archive", refuse)
    return calls


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def idx(array: np.ndarray) -> bytes:
    """The idx format: two zeros, the type (8: unsigned byte), the number of dimensions, each dimension."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def pixels(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def make_mnist(seed: int = 0) -> tuple[dict[str, bytes], dict[str, np.ndarray]]:
    """The four files with a few images per class, and what is in them."""
    arrays = {}
    for k, (part, per_class) in enumerate(PER_CLASS.items()):
        labels = np.tile(np.arange(10, dtype=np.uint8), per_class)
        arrays[f"{part}-images-idx3-ubyte"] = pixels(len(labels), 28, 28, seed=seed + 10 * k)
        arrays[f"{part}-labels-idx1-ubyte"] = labels
    contents = {name: idx(array) for name, array in arrays.items()}
    return contents, arrays


def python2_batch(data: np.ndarray, labels: list[int]) -> bytes:
    """A CIFAR-10 batch with the very opcodes of the files of 2009, `align=0` and `numpy.core` included."""
    array = b"cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85U\x01b\x87Rq\t"
    shape = b"M" + struct.pack("<H", data.shape[0]) + b"M" + struct.pack("<H", data.shape[1]) + b"\x86"
    dtype = (
        b"cnumpy\ndtype\nq\nU\x02u1K\x00K\x01\x87Rq\x0b(K\x03U\x01|NNN"
        + 2 * b"J\xff\xff\xff\xff"
        + b"K\x00tb"
    )
    numbers = b"".join(b"K" + bytes([label]) for label in labels)
    body = struct.pack("<I", data.size) + data.tobytes()
    return (
        b"\x80\x02}q\x01(U\x06labelsq\x02]q\x03(" + numbers + b"e"
        b"U\x04dataq\x06" + array + b"(K\x01" + shape + dtype + b"\x89T" + body + b"tbu."
    )  # fmt: skip


@pytest.fixture
def numpy_2_4_0(monkeypatch):
    """Unpickling warns, as it does for CIFAR-10's files with the NumPy of early 2026."""

    def warning(unpickle):
        def warned(*args, **kwargs):
            text = "dtype(): align should be passed as Python or NumPy boolean but got `align=0`."
            warnings.warn(text, np.exceptions.VisibleDeprecationWarning, stacklevel=2)
            return unpickle(*args, **kwargs)

        return warned

    noisy = SimpleNamespace(load=warning(pickle.load), loads=warning(pickle.loads))
    for module in (files, cifar):
        monkeypatch.setattr(module, "pickle", noisy)


def python2_names(names: list[str]) -> bytes:
    words = b"".join(b"U" + bytes([len(name)]) + name.encode() for name in names)
    return b"\x80\x02}(U\x0blabel_names](" + words + b"eu."


@pytest.fixture
def fake_mnist(monkeypatch):
    """Files and arrays of small versions of `mnist` and `fashion-mnist`, whose checksums are made to fit."""
    made = {"mnist": make_mnist(1), "fashion-mnist": make_mnist(2)}
    for name, (contents, _) in made.items():
        monkeypatch.setitem(files.UNPACKED_MD5, name, {file: md5(body) for file, body in contents.items()})
    return made


@pytest.fixture
def fake_cifar(monkeypatch):
    """Files and arrays of a small CIFAR-10 (5 × 20 training and 20 test images), with checksums to fit."""
    labels = [k % 10 for k in range(20)]
    names = [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]
    arrays = {name: pixels(20, 3072, seed=k) for k, name in enumerate(names)}
    contents = {name: python2_batch(array, labels) for name, array in arrays.items()}
    contents["batches.meta"] = python2_names([f"class {k}" for k in range(10)])
    checked = [[name, md5(contents[name])] for name in names]
    monkeypatch.setattr(CIFAR10, "train_list", checked[:5])
    monkeypatch.setattr(CIFAR10, "test_list", checked[5:])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": md5(contents["batches.meta"])})
    return contents, arrays


@pytest.fixture
def put():
    """A function that writes files into a folder, gzipped if asked."""

    def write(folder: Path, contents: dict[str, bytes], packed: bool = False) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            if packed:
                (folder / f"{name}.gz").write_bytes(gzip.compress(content, compresslevel=1))
            else:
                (folder / name).write_bytes(content)
        return folder

    return write
