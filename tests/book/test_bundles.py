"""What goes of a site's styles, and what stays: a rule that could apply to anything is never left out."""

import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def bundles(root: Path) -> ModuleType:
    sys.path.insert(0, str(root / "book/_ext"))
    try:
        import bundles
    finally:
        sys.path.pop(0)
    return bundles


NAMES = {"used", "other-used"}


@pytest.mark.parametrize(
    "rule",
    [
        "p > a{color:red}",
        ".used .other-used{color:red}",
        ".gone, p .used{color:red}",
        ".used:not(.gone){color:red}",
        ".used:not(:is(.gone, .lost)){color:red}",
        ":is(.gone, p):where(.gone, .used){color:red}",
        'a[href$=".gone"]{color:red}',
        'a[title="(.gone"]{color:red}',
        r".col-1\/2{color:red}",
        "@media print{.used{color:red}}",
        "@supports (display:grid){@media print{#used{color:red}}}",
        "@layer gone;",
        "@font-face{font-family:gone}",
        "@keyframes gone{from{color:red}}",
        "@page{margin:1cm}",
        "/*! whose work it is */",
    ],
)
def test_what_could_apply_stays(bundles: ModuleType, rule: str) -> None:
    assert bundles.lean(rule, NAMES) == rule


@pytest.mark.parametrize(
    "rule",
    [
        ".gone{color:red}",
        "#gone{color:red}",
        "p.used .gone{color:red}",
        ".used.gone, .lost .used{color:red}",
        ".gone:not(.used){color:red}",
        "@media print{.gone{color:red} .lost{color:red}}",
        "@supports (display:grid){@media print{.gone{color:red}}}",
        "/* a remark */",
    ],
)
def test_what_can_apply_to_nothing_goes(bundles: ModuleType, rule: str) -> None:
    assert bundles.lean(f"{rule}p{{}}", NAMES) == "p{}"


def test_addresses_count_from_the_bundle(bundles: ModuleType, tmp_path: Path) -> None:
    styles = tmp_path / "_static/styles"
    styles.mkdir(parents=True)
    same = "a{b:url(data:x)}a{b:url('data:x')}a{b:url(#x)}"
    (tmp_path / "_static/basic.css").write_text(f"a{{b:url(x.png)}}a{{b:url('x.png')}}{same}")
    (styles / "theme.css").write_text(f"{bundles.IMPORT}a{{b:url(../y.png)}}")
    assert bundles._style(styles / "theme.css", tmp_path) == (
        f"a{{b:url(../x.png)}}a{{b:url('../x.png')}}{same}a{{b:url(../y.png)}}"
    )
