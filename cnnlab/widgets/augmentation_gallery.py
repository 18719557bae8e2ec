"""Random augmentations of a colour photograph, side by side."""

import base64

import traitlets

from cnnlab.data.photographs import PHOTOGRAPHS, photograph
from cnnlab.widgets.page import PageWidget, script

WIDTH = 96


class AugmentationGallery(PageWidget):
    """Choose what an augmentation may do to a photograph and look at six draws of it.

    The distributions are torchvision's: factors are uniform in [1 − s, 1 + s], the hue moves by up to its
    share of the colour circle, the angle and the crop's area are uniform.

    Args:
        photo: "china" or "flower".
        smallest: least share of the area that a crop keeps, in [0.1, 1]; 1 for no crop.
        mirror, upside_down: whether a draw may be flipped, with probability ½ each.
        angle: largest rotation in degrees, 0 to 180.
        brightness, contrast, saturation: s of each, in [0, 1]. hue: in [0, 0.5].
        noise: standard deviation of what is added to every value, in [0, 0.3].
        erase: probability of an erased rectangle, in [0, 1].
        seed: where the page's own random numbers start.
    """

    _esm = script(__file__)

    label = "Choose augmentations and look at six draws of a photograph"
    photo = traitlets.Enum(PHOTOGRAPHS, "flower").tag(sync=True)
    smallest = traitlets.Float(0.5, min=0.1, max=1.0).tag(sync=True)
    mirror = traitlets.Bool(True).tag(sync=True)
    upside_down = traitlets.Bool(False).tag(sync=True)
    angle = traitlets.Float(0.0, min=0.0, max=180.0).tag(sync=True)
    brightness = traitlets.Float(0.2, min=0.0, max=1.0).tag(sync=True)
    contrast = traitlets.Float(0.2, min=0.0, max=1.0).tag(sync=True)
    saturation = traitlets.Float(0.2, min=0.0, max=1.0).tag(sync=True)
    hue = traitlets.Float(0.0, min=0.0, max=0.5).tag(sync=True)
    noise = traitlets.Float(0.0, min=0.0, max=0.3).tag(sync=True)
    erase = traitlets.Float(0.0, min=0.0, max=1.0).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    width = traitlets.Int(WIDTH).tag(sync=True)
    pixels = traitlets.Dict().tag(sync=True)  # of each photograph: its bytes, H×W×3, in base 64

    @traitlets.default("pixels")  # type: ignore[untyped-decorator]
    def _pixels(self) -> dict[str, str]:
        rows = {name: (255 * photograph(name, WIDTH)).round().byte().permute(1, 2, 0) for name in PHOTOGRAPHS}
        return {name: base64.b64encode(row.numpy().tobytes()).decode() for name, row in rows.items()}
