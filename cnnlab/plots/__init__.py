"""Figures in one style: colours that colour-blind readers can tell apart, on white to read on dark pages."""

from cnnlab.plots.curves import learning_curves, paired_differences
from cnnlab.plots.distributions import activation_histograms
from cnnlab.plots.images import image_grid, weight_images
from cnnlab.plots.networks import thinned_networks
from cnnlab.plots.style import COLORS, LABELS, LINES, MUTED, STYLE, use_style
from cnnlab.plots.surfaces import decision_boundary, loss_contours

__all__ = [
    "COLORS",
    "LABELS",
    "LINES",
    "MUTED",
    "STYLE",
    "activation_histograms",
    "decision_boundary",
    "image_grid",
    "learning_curves",
    "loss_contours",
    "paired_differences",
    "thinned_networks",
    "use_style",
    "weight_images",
]
