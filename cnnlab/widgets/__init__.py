"""What a notebook shows besides pictures: interactive figures that need no kernel, numbers for the text."""

from cnnlab.widgets.dropout_masks import DropoutMasks
from cnnlab.widgets.numbers import glue

__all__ = ["DropoutMasks", "glue"]
