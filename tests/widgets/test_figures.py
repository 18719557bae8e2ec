"""What all interactive figures have in common, without a browser."""

import re
from pathlib import Path

import pytest
import traitlets

from cnnlab.widgets.augmentation_gallery import AugmentationGallery
from cnnlab.widgets.batch_norm_distribution import BatchNormDistribution
from cnnlab.widgets.classify_2d import Classify2D
from cnnlab.widgets.early_stopping import EarlyStopping
from cnnlab.widgets.grid_random import GridRandom
from cnnlab.widgets.initial_loss import InitialLoss
from cnnlab.widgets.label_smoothing import LabelSmoothing
from cnnlab.widgets.learning_rate import LearningRateExplorer
from cnnlab.widgets.local_response import LocalResponse
from cnnlab.widgets.page import PageWidget
from cnnlab.widgets.penalty_geometry import PenaltyGeometry
from cnnlab.widgets.polynomial_fit import PolynomialFit
from cnnlab.widgets.schedules import ScheduleExplorer

FIGURES = [
    LearningRateExplorer,
    AugmentationGallery,
    BatchNormDistribution, Classify2D, EarlyStopping, LabelSmoothing, LocalResponse, PenaltyGeometry,
    PolynomialFit, GridRandom, ScheduleExplorer,
]  # fmt: skip
FOLDER = Path(__file__).parents[2] / "cnnlab" / "widgets"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.js")), ids=lambda path: str(path.stem))
def test_a_module_stands_alone(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"^\s*import\b|\bimport\(|\bfetch\(|XMLHttpRequest", text, flags=re.MULTILINE)
    assert set(re.findall(r"https?://[^\s\"']+", text)) <= {"http://www.w3.org/2000/svg"}
    # On a page it stands inside of a script element and beside a function called model.
    assert not re.search(r"</script|<!--|^(export )?(const|let|function) model\b", text, re.I | re.M)
    used = set(re.findall(r"\bmodel\.(\w+)", text))
    assert used <= {"get", "set", "on", "save_changes"}


@pytest.mark.parametrize("figure", FIGURES)
def test_notebook_and_page(figure: type[PageWidget]) -> None:
    data, _ = figure()._repr_mimebundle_()
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}
    assert data["text/plain"] == figure.label
    assert figure.label != PageWidget.label
    assert "http" not in data["text/html"].replace("http://www.w3.org/2000/svg", "")  # a name


@pytest.mark.parametrize(
    ("figure", "options"),
    [
        (AugmentationGallery, {"photo": "dog"}),
        (AugmentationGallery, {"smallest": 0.0}),
        (ScheduleExplorer, {"schedule": "linear"}),
        (PolynomialFit, {"order": 10}),
        (PolynomialFit, {"order": 2.5}),
        (PolynomialFit, {"ridge": -1e-9}),
        (PolynomialFit, {"points": 9}),
        (PenaltyGeometry, {"strength": -0.1}),
        (PenaltyGeometry, {"center_1": 3.0}),
        (Classify2D, {"p": 0.95}),
        (Classify2D, {"shape": "stars"}),
        (Classify2D, {"rate": 0.0}),
        (BatchNormDistribution, {"batch_size": 1}),
        (BatchNormDistribution, {"scale": 0.0}),
        (BatchNormDistribution, {"training": "yes"}),
        (LocalResponse, {"activations": []}),
        (LocalResponse, {"activations": [1.0, 6.0]}),
        (LocalResponse, {"n": 0}),
        (LabelSmoothing, {"epsilon": 1.0}),
        (LabelSmoothing, {"classes": 1}),
        (GridRandom, {"side": 1}),
        (GridRandom, {"peak": 1.5}),
        (InitialLoss, {"classes": 1}),
        (InitialLoss, {"strength": -1.0}),
        (EarlyStopping, {"patience": 0}),
        (EarlyStopping, {"smoothing": 1.0}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "-".join(value),
)
def test_impossible_settings_are_refused(figure: type[PageWidget], options: dict[str, object]) -> None:
    with pytest.raises(traitlets.TraitError):
        figure(**options)
