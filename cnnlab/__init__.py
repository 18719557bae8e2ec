"""Train convolutional networks well: reference operations, checks, data, experiments and a grading desk."""

__version__ = "0.1.0"
