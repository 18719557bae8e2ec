"""Reading the public datasets from their files: not a byte is interpreted before its checksum is right."""

import gzip
import hashlib
import pickle
import tempfile
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cnnlab.data.embedded import DIGITS
from cnnlab.data.raw import Raw
from cnnlab.errors import InputError

# md5 of the *unpacked* files. torchvision knows those of the .gz files that it downloads, but the same
# content packed anew, as in Debian's package, has another. For Fashion-MNIST a test packs Debian's copy the
# way the authors did and gets torchvision's checksums; three of MNIST's four were compared with .gz files
# that have torchvision's, the fourth (its training images) is as published in several places.
UNPACKED_MD5 = {
    "mnist": {
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
    },
}


def torchvision_class(name: str) -> Any:
    """torchvision's class for a dataset; imported late, since torchvision takes seconds to import."""
    from torchvision import datasets

    return {"mnist": datasets.MNIST, "fashion-mnist": datasets.FashionMNIST, "cifar10": datasets.CIFAR10}[
        name
    ]


def checksums(name: str) -> dict[str, str]:
    """The files that make up a dataset, each with the md5 of its unpacked content."""
    if name in UNPACKED_MD5:
        return UNPACKED_MD5[name]
    cifar = torchvision_class(name)
    return {**dict(cifar.train_list), **dict(cifar.test_list), cifar.meta["filename"]: cifar.meta["md5"]}


def read_files(name: str, paths: dict[str, Path]) -> Raw:
    """Read a dataset whose files, plain or gzipped, are at `paths`.

    Raises:
        InputError: a file cannot be read, or is not the one it should be.
    """
    contents = {file: _verified(name, paths[file], md5) for file, md5 in checksums(name).items()}
    return _cifar(contents) if name == "cifar10" else _mnist(name, contents)


def _verified(name: str, path: Path, md5: str) -> bytes:
    advice = f"Delete it and load {name!r} again, or put a good copy in its place"
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} is damaged or cannot be read ({error}). {advice}.") from None
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != md5:
        problem = f"its content has the md5 checksum {found}, not {md5}"
        raise InputError(f"{path} is damaged or is not a file of {name}: {problem}. {advice}.")
    return content


def _mnist(name: str, contents: dict[str, bytes]) -> Raw:
    tensors = {file: _idx(content) for file, content in contents.items()}
    train, test = (
        (tensors[f"{part}-images-idx3-ubyte"].unsqueeze(1), tensors[f"{part}-labels-idx1-ubyte"].long())
        for part in ("train", "t10k")
    )
    classes = DIGITS if name == "mnist" else tuple(torchvision_class(name).classes)
    return Raw(classes, *train, peak=255, test=test)


def _idx(content: bytes) -> Tensor:
    from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor

    with tempfile.TemporaryDirectory() as folder:  # torchvision reads only unpacked files
        path = Path(folder) / "idx"
        path.write_bytes(content)
        return read_sn3_pascalvincent_tensor(str(path))  # type: ignore[no-any-return]


def _cifar(contents: dict[str, bytes]) -> Raw:
    cifar = torchvision_class("cifar10")
    parts = []
    for files in (cifar.train_list, cifar.test_list):
        batches = [_unpickled(contents[file]) for file, _ in files]
        images = np.concatenate([batch["data"] for batch in batches]).reshape(-1, 3, 32, 32)
        labels = np.concatenate([np.asarray(batch["labels"], dtype=np.int64) for batch in batches])
        parts.append((torch.from_numpy(images), torch.from_numpy(labels)))
    classes = _unpickled(contents[cifar.meta["filename"]])[cifar.meta["key"]]
    return Raw(tuple(classes), *parts[0], peak=255, test=parts[1])


def _unpickled(content: bytes) -> Any:
    # A pickle can run code, so only bytes with the right checksum get here.
    with old_pickles():
        return pickle.loads(content, encoding="latin1")


@contextmanager
def old_pickles() -> Iterator[None]:
    """No warning about CIFAR-10's files: of 2009, they say align=0 where NumPy 2.4.0 to 2.4.4 want False.

    Source: pytorch/vision issue 9340.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"dtype\(\): align should be passed")
        yield
