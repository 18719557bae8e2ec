"""Images in colour for the transforms' tests."""

import pytest
import torch

from cnnlab.data import Split


@pytest.fixture
def train_colours() -> Split:
    images = torch.rand(40, 3, 8, 10, generator=torch.Generator().manual_seed(11))
    return Split(images, torch.arange(40) % 4, "train")
