"""What is in the files: read right, and refused in one sentence when it is not what it should be."""

import gzip
import hashlib
import pickle
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.datasets import FashionMNIST

from cnnlab.data import files, load
from cnnlab.errors import InputError

FILE = "train-labels-idx1-ubyte"
KINDS = [
    "truncated",
    "empty",
    "a web page",
    "one byte changed",
    "first block changed",
    "something else",
    "rubbish at the end",
]


def spoil(kind: str, content: bytes) -> bytes:
    packed = gzip.compress(content)
    return {
        "truncated": packed[: len(packed) // 2],
        "empty": b"",
        "a web page": b"<!DOCTYPE html><title>Not found</title>",
        "one byte changed": packed[:20] + bytes([packed[20] ^ 1]) + packed[21:],
        "first block changed": packed[:10] + b"\xff" + packed[11:],
        "something else": gzip.compress(b"another file"),
        "rubbish at the end": packed + b"rubbish",
    }[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_named_with_what_to_do(kind, fake_mnist, put, tmp_path, isolated):
    contents, _ = fake_mnist["mnist"]
    folder = put(tmp_path / "MNIST/raw", contents, packed=True)
    damaged = folder / f"{FILE}.gz"
    damaged.write_bytes(spoil(kind, contents[FILE]))
    with pytest.raises(InputError) as caught:
        load("mnist", root=tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{damaged} is damaged or ")
    assert "Delete it and load 'mnist' again" in message
    assert "\n" not in message
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert isolated == []  # never papered over with a download


def test_the_files_of_another_dataset_are_refused(fake_mnist, put, tmp_path):
    """MNIST and Fashion-MNIST have the same file names, sizes and format."""
    put(tmp_path / "FashionMNIST/raw", fake_mnist["mnist"][0])
    with pytest.raises(InputError, match="is not a file of fashion-mnist: its content has the md5 checksum"):
        load("fashion-mnist", root=tmp_path)


def test_a_truncated_plain_file(fake_mnist, put, tmp_path):
    contents, _ = fake_mnist["mnist"]
    put(tmp_path / "MNIST/raw", {**contents, FILE: contents[FILE][:-1]})
    with pytest.raises(InputError, match=f"{FILE} is damaged or is not a file of mnist"):
        load("mnist", root=tmp_path)


def test_images_that_occur_twice_are_in_one_part_only(fake_mnist, put, tmp_path, monkeypatch):
    contents, arrays = fake_mnist["mnist"]
    images = arrays["train-images-idx3-ubyte"].copy()
    images[7] = arrays["t10k-images-idx3-ubyte"][3]
    images[21] = images[20]
    spoiled = contents["train-images-idx3-ubyte"][:16] + images.tobytes()
    md5 = hashlib.md5(spoiled).hexdigest()
    monkeypatch.setitem(files.UNPACKED_MD5["mnist"], "train-images-idx3-ubyte", md5)
    put(tmp_path / "mnist", {**contents, "train-images-idx3-ubyte": spoiled})
    dataset = load("mnist", root=tmp_path, validation=10)
    parts = (dataset.train, dataset.validation, dataset.test)
    assert [len(part) for part in parts] == [48, 10, 20]
    assert len({image.numpy().tobytes() for part in parts for image in part.images}) == 78


def test_cifar10_is_read_with_its_channels_and_names(fake_cifar, put, tmp_path):
    contents, arrays = fake_cifar
    put(tmp_path / "cifar-10-batches-py", contents)
    dataset = load("cifar10", root=tmp_path, validation=10)
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.test)] == [90, 10, 20]
    assert dataset.classes == tuple(f"class {k}" for k in range(10))
    # A row is 1,024 red values, then green, then blue.
    expected = arrays["test_batch"].reshape(20, 3, 32, 32).astype(np.float32) / np.float32(255)
    assert torch.equal(dataset.test.images, torch.from_numpy(expected))
    assert dataset.test.labels.tolist() == [k % 10 for k in range(20)]
    label = {row.tobytes(): k % 10 for array in arrays.values() for k, row in enumerate(array)}
    for part in (dataset.train, dataset.validation):
        stored = (part.images * 255).round().to(torch.uint8).flatten(1).numpy()
        assert [label[row.tobytes()] for row in stored] == part.labels.tolist()


@pytest.mark.usefixtures("numpy_2_4_0")
def test_numpys_complaint_about_old_pickles_is_not_shown(fake_cifar, put, tmp_path):
    put(tmp_path / "cifar-10-batches-py", fake_cifar[0])
    load("cifar10", root=tmp_path, validation=10)
    with files.old_pickles(), pytest.raises(UserWarning, match="any other"):
        warnings.warn("any other", stacklevel=1)


def test_a_pickle_with_the_wrong_checksum_is_never_opened(fake_cifar, put, tmp_path):
    contents, _ = fake_cifar
    marker = tmp_path / "it ran"

    class Attack:
        def __reduce__(self):
            return Path.touch, (marker,)

    attack = pickle.dumps(Attack())
    put(tmp_path / "cifar-10-batches-py", {**contents, "data_batch_3": attack})
    with pytest.raises(InputError, match="data_batch_3 is damaged or is not a file of cifar10"):
        load("cifar10", root=tmp_path)
    assert not marker.exists()
    pickle.loads(attack)
    assert marker.exists()  # the attack works where nobody looks first


# When the authors packed their files, to the second: gzip writes the time and the name into its header.
PACKED_AT = {"train": 0x59A7E9DE, "t10k": 0x59A7E9F3}
DEBIAN = Path("/usr/share/datasets/fashion-mnist")


@pytest.mark.parametrize("folder", [DEBIAN] if DEBIAN.is_dir() else [], ids=str)
@pytest.mark.parametrize(("packed", "md5"), FashionMNIST.resources)
def test_our_checksums_stand_for_the_files_that_torchvision_downloads(folder, packed, md5):
    """Debian's .gz with the authors' header has torchvision's checksum, and unpacked it has ours."""
    content, name = (folder / packed).read_bytes(), packed.removesuffix(".gz")
    time = struct.pack("<I", PACKED_AT[name.partition("-")[0]])
    original = b"\x1f\x8b\x08\x08" + time + content[8:10] + name.encode() + b"\0" + content[10:]
    assert hashlib.md5(original).hexdigest() == md5
    assert hashlib.md5(gzip.decompress(content)).hexdigest() == files.UNPACKED_MD5["fashion-mnist"][name]
