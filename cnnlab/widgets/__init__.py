"""What a notebook shows besides pictures: interactive figures that need no kernel, numbers for the text."""

from cnnlab.widgets.augmentation_gallery import AugmentationGallery
from cnnlab.widgets.batch_norm_distribution import BatchNormDistribution
from cnnlab.widgets.choices import Choices
from cnnlab.widgets.classify_2d import Classify2D
from cnnlab.widgets.cockpit import Cockpit
from cnnlab.widgets.dropout_masks import DropoutMasks
from cnnlab.widgets.early_stopping import EarlyStopping
from cnnlab.widgets.grid_random import GridRandom
from cnnlab.widgets.initial_loss import InitialLoss
from cnnlab.widgets.label_smoothing import LabelSmoothing
from cnnlab.widgets.learning_rate import LearningRateExplorer
from cnnlab.widgets.local_response import LocalResponse
from cnnlab.widgets.loss_surface import LossSurface
from cnnlab.widgets.numbers import glue
from cnnlab.widgets.penalty_geometry import PenaltyGeometry
from cnnlab.widgets.polynomial_fit import PolynomialFit
from cnnlab.widgets.schedules import ScheduleExplorer

__all__ = [
    "AugmentationGallery",
    "BatchNormDistribution",
    "Choices",
    "Classify2D",
    "Cockpit",
    "DropoutMasks",
    "EarlyStopping",
    "GridRandom",
    "InitialLoss",
    "LabelSmoothing",
    "LearningRateExplorer",
    "LocalResponse",
    "LossSurface",
    "PenaltyGeometry",
    "PolynomialFit",
    "ScheduleExplorer",
    "glue",
]
