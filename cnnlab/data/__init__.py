"""Datasets by name, split the same way on every machine, and batches of them."""

from cnnlab.data.batches import batches
from cnnlab.data.folders import from_folder
from cnnlab.data.load import KNOWN, Dataset, Split, load

__all__ = ["KNOWN", "Dataset", "Split", "batches", "from_folder", "load"]
