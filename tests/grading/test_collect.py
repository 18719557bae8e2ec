"""`cnnlab collect` on exports as Moodle and Canvas write them, and on archives that mean harm."""

import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from corpus.containers import OUTSIDE
from corpus.samples import EXPORTS

ROSTER = """id,first name,last name,email,lms id
jdoe,Jane,Doe,jane@example.org,12345
zoe,Zoë,Müller,zoe@example.org,12346
sam1,Sam,Lee,sam@example.org,12347
sam2,Sam,Lee,lee@example.org,12348
"""
Collect = Callable[..., tuple[int, str]]


@pytest.fixture
def collect(run: Any, root: Path) -> Collect:
    """Packs files into a zip and collects it: `collect({"name": bytes}, *options)`; exit code and output."""

    def start(
        files: dict[str, bytes] | Path, *options: object, roster: str | None = ROSTER
    ) -> tuple[int, str]:
        archive = files if isinstance(files, Path) else root / "export.zip"
        if not isinstance(files, Path):
            archive.write_bytes(packed(files))
        if roster is not None:
            (root / "roster.csv").write_text(roster)
            options = ("--roster", "roster.csv", *options)
        result = run("cnnlab", "collect", archive, "tiny", *options, cwd=root)
        assert "Traceback" not in result.stderr
        return result.returncode, re.sub(r"\x1b\[[0-9;]*m", "", result.stdout + result.stderr)

    return start


def packed(files: dict[str, bytes], day: int = 1) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, day, 12, 0, 0)), content)
    return buffer.getvalue()


def text(notebook: Any) -> bytes:
    return str(nbformat.writes(notebook)).encode()


def submitted(root: Path) -> dict[str, list[str]]:
    """Every student's files."""
    folders = sorted((root / "course/submitted").glob("*/tiny"))
    return {
        f.parent.name: sorted(str(p.relative_to(f)) for p in f.rglob("*") if p.is_file()) for f in folders
    }


def test_moodle_folders_and_flat_names(collect: Collect, root: Path, answered: Any) -> None:
    mine, hers = answered(square="# mine"), answered(square="# hers")
    code, output = collect(
        {
            "Jane Doe_4711_assignsubmission_file_/tiny.ipynb": text(mine),
            "Jane Doe_4711_assignsubmission_file_/helpers/data.csv": b"1",
            "Jane Doe_4711_assignsubmission_onlinetext_/onlinetext.html": b"<p>Hello",
            "Group A-Zoë Müller_12347_assignsubmission_file_tiny (1).ipynb": text(hers),
        }
    )
    assert code == 0, output
    assert submitted(root) == {"jdoe": ["helpers/data.csv", "tiny.ipynb"], "zoe": ["tiny.ipynb"]}
    assert (root / "course/submitted/zoe/tiny/tiny.ipynb").read_bytes() == text(hers)
    assert "Students who are not in it: 2 of 4." in output
    assert "jdoe  Jane Doe_4711  beside it: helpers/data.csv\n" in output


def test_a_number_of_another_kind_never_outweighs_the_name(
    collect: Collect, root: Path, answered: Any
) -> None:
    """12347 is Sam's number in the roster; in Moodle's export it is the number of Zoë's submission."""
    collect({"Zoë Müller_12347_assignsubmission_file/tiny.ipynb": text(answered())})
    assert list(submitted(root)) == ["zoe"]


def test_a_number_whose_name_is_another_is_not_called_unknown(collect: Collect, answered: Any) -> None:
    code, output = collect({"smithjohn_12346_902_tiny.ipynb": text(answered())})
    assert code == 1
    assert "the roster has its number 12346 for zoe, Zoë Müller, whose name is another" in output


def test_canvas_names_late_and_versions(collect: Collect, root: Path, answered: Any) -> None:
    new, old = text(answered(square="# new")), text(answered(square="# old"))
    code, output = collect(
        {
            "doejane_LATE_12345_901_tiny-2.ipynb": new,
            "doejane_LATE_12345_900_tiny-10.ipynb": old,
            "müllerzoë_12346_902_my_solution_3.ipynb": new,
            "leesam_12348_903_tiny.ipynb": old,
            "leesam_99999_904_tiny.ipynb": old,
            "doejane_12345_text.html": b"typed",
        }
    )
    assert code == 1
    assert (root / "course/submitted/jdoe/tiny/tiny.ipynb").read_bytes() == new
    assert "tiny-2.ipynb is the newest and counts, not tiny-10.ipynb; late by the platform's mark" in output
    assert "my_solution_3.ipynb was renamed to tiny.ipynb" in output
    assert sorted(submitted(root)) == ["jdoe", "sam2", "zoe"]
    assert "leesam_99999  it can be sam1, sam2" in output


def test_who_cannot_be_matched_is_named(collect: Collect, root: Path, answered: Any) -> None:
    code, output = collect(
        {
            "Sam Lee/tiny.ipynb": text(answered()),
            "Nobody/tiny.ipynb": text(answered()),
            "jdoe/tiny.ipynb": text(answered()),
            "Doe Jane.ipynb": text(answered()),
            "zoe@example.org/one.ipynb": text(answered()),
            "zoe@example.org/two.ipynb": text(answered()),
        }
    )
    assert code == 1
    assert "Sam Lee  it can be sam1, sam2" in output
    assert "Nobody  no student of the roster" in output
    assert "jdoe  Doe Jane is jdoe too; which one counts?" in output
    assert "there is no tiny.ipynb, and it can be any of one.ipynb, two.ipynb" in output
    assert submitted(root) == {}


@pytest.mark.parametrize(
    ("files", "lines"),
    [
        (
            ["doejane_12345_5_tiny.ipynb", "müllerzoë_12346_text.html", "smith.ipynb", "Thumbs.db"],
            ["left out  zoe  müllerzoë_12346  handed in online text only, no notebook", "smith.ipynb"],
        ),
        (
            [
                "Jane Doe_1_assignsubmission_file_/tiny.ipynb",
                "Jane Doe_1_assignsubmission_onlinetext_/onlinetext.html",
                "Zoë Müller_2_assignsubmission_onlinetext/onlinetext.html",
                "Zoë Müller_2_assignsubmission_comments/comments.html.txt",
                *("stray.ipynb", "Jane_103_x/tiny.ipynb"),
            ],
            [
                "left out  zoe  Zoë Müller_2  handed in online text only, no notebook",
                *("stray.ipynb", "Jane_103_x/tiny.ipynb"),
            ],
        ),
        (
            [
                "jdoe/tiny.ipynb",
                "tiny.ipynb",
                "cleo.py",
                "dan.ipynb.txt",
                "gus.rar",
                "hal.7z",
                "__MACOSX/a.py",
            ],
            ["tiny.ipynb", "cleo.py", "dan.ipynb.txt", "gus.rar", "hal.7z"],
        ),
    ],
)
def test_what_may_be_work_is_never_dropped_without_a_word(
    collect: Collect, root: Path, answered: Any, files: list[str], lines: list[str]
) -> None:
    code, output = collect({name: text(answered()) for name in files})
    assert code == 1
    assert list(submitted(root)) == ["jdoe"]
    for line in lines:
        assert (line if " " in line else f"left out  {line}  belongs to nobody") in output
    assert output.count("left out  ") == len(lines)
    assert f", {len(lines)} left out." in output


def test_harmless_files_are_told_in_one_line(collect: Collect, answered: Any) -> None:
    names = ("README.txt", "class.JPG", "Thumbs.db", ".DS_Store", "__MACOSX/._x.ipynb")
    code, output = collect({"jdoe/tiny.ipynb": text(answered()), **dict.fromkeys(names, b"")})
    assert code == 0, output
    assert "README.txt, class.JPG  nobody's, passed over" in output
    assert "tiny: 1 new." in output


@pytest.mark.parametrize(
    ("files", "students"),
    [
        (["all/ada/x.ipynb", "all/bob/x.ipynb", "all/README.txt"], ["ada", "bob"]),
        (["all/ada/x.ipynb", "all/bob/tiny/x.ipynb", "all/cy.ipynb", "list.csv"], ["ada", "bob", "cy"]),
        (["all/ada/tiny/x.ipynb"], ["ada"]),
        (["ada/tiny/x.ipynb", "ada/README.txt"], ["ada"]),
        (["ada/x.ipynb", "ada/data/d.csv", "ada/data/d.zip"], ["ada"]),
    ],
)
def test_a_folder_around_everything_is_nobody(
    collect: Collect, root: Path, answered: Any, files: list[str], students: list[str]
) -> None:
    code, output = collect({name: text(answered()) for name in files}, roster=None)
    assert code == 0, output
    assert list(submitted(root)) == students
    assert ("all/  a folder around everything" in output) == files[0].startswith("all")


@pytest.mark.parametrize(
    ("files", "doubtful"),
    [
        (["solo/notes/tiny.ipynb"], "solo/notes can be"),
        (["all/tiny.ipynb", "all/ada/tiny.ipynb", "all/bob/tiny.ipynb"], "all/ada, all/bob can be"),
        (["a/ada/tiny.ipynb", "a/bob/tiny.ipynb", "b/cy/tiny.zip"], "b/cy can be somebody else's; add --ros"),
    ],
)
def test_nobody_is_guessed_from_a_folder_in_a_folder(
    collect: Collect, root: Path, answered: Any, files: list[str], doubtful: str
) -> None:
    code, output = collect({name: text(answered()) for name in files}, roster=None)
    assert (code, submitted(root)) == (1, {})
    assert doubtful in output


def test_with_a_roster_folders_are_whose_it_says(collect: Collect, root: Path, answered: Any) -> None:
    work = text(answered())
    assert collect({"jdoe/one/tiny.ipynb": work, "jdoe/two/h.py": b""})[0] == 0
    assert collect({"all/zoe/tiny.ipynb": work, "all/notes.txt": b""})[0] == 0
    assert collect({"Moodle/sam1_12347_3_tiny.ipynb": work, "Moodle/README.md": b""})[0] == 0
    assert list(submitted(root)) == ["jdoe", "sam1", "zoe"]
    code, output = collect({"Nobody/tiny.ipynb": work})
    assert (code, "Nobody  no student of the roster" in output) == (1, True)


def test_a_newer_submission_is_never_lost(collect: Collect, root: Path, answered: Any) -> None:
    first, second = text(answered(square="# 1")), text(answered(square="# 2"))
    path = root / "course/submitted/jdoe/tiny/tiny.ipynb"
    assert collect({"doejane_12345_5_tiny.ipynb": first})[0] == 0
    assert "same  jdoe" in collect({"doejane_12345_5_tiny.ipynb": first})[1]
    code, output = collect({"doejane_12345_9_tiny.ipynb": second}, "--dry-run")
    assert (code, path.read_bytes()) == (0, first)
    assert "newer  jdoe" in output
    assert collect({"doejane_12345_9_tiny.ipynb": second})[0] == 0
    assert path.read_bytes() == second
    assert (root / "course/collected/jdoe/tiny.old-1/tiny.ipynb").read_bytes() == first
    code, output = collect({"doejane_12345_5_tiny.ipynb": first})
    assert (code, path.read_bytes()) == (1, second)
    assert "kept  jdoe" in output
    assert collect({"doejane_12345_5_tiny.ipynb": first}, "--replace")[0] == 0
    assert path.read_bytes() == first


def test_an_archive_of_the_students_own(collect: Collect, root: Path, answered: Any) -> None:
    inner = packed(
        {"work/tiny.ipynb": text(answered()), "work/h.py": b"", "work/../../x": b"", "work/b.zip": b"PK"}
    )
    deeper = packed({"inner.zip": inner})
    code, output = collect({"jdoe.zip": inner, "zoe/hand in.zip": deeper, "sam1/tiny.zip": b"PK\3\4 broken"})
    assert code == 1
    assert submitted(root) == {"jdoe": ["b.zip", "h.py", "tiny.ipynb"]}
    assert "work/../../x in it was refused" in output
    assert "beside it: h.py, b.zip; b.zip not opened, since there is a notebook" in output
    assert "there is no notebook in hand in.zip" in output
    assert "it is not a complete zip archive" in output


@pytest.mark.parametrize(
    ("places", "value", "why"),
    [
        ({b"PK\1\2": 6}, 99, "it is not a complete zip archive (zip file version 9.9)"),
        # Not only packed in another way: two kilobytes of it can be gigabytes that are unpacked at once.
        ({b"PK\1\2": 10, b"PK\3\4": 8}, zipfile.ZIP_BZIP2, "it is packed by method 12"),
        ({b"PK\1\2": 10, b"PK\3\4": 8}, zipfile.ZIP_LZMA, "it is packed by method 14"),
    ],
)
def test_an_archive_of_a_kind_that_is_not_read_stops_nobody(
    collect: Collect, root: Path, answered: Any, places: dict[bytes, int], value: int, why: str
) -> None:
    strange = packed({"tiny.ipynb": text(answered())})
    for mark, offset in places.items():
        start = strange.rindex(mark) + offset
        strange = strange[:start] + bytes([value, 0]) + strange[start + 2 :]
    code, output = collect({"jdoe/tiny.zip": strange, "zoe/tiny.ipynb": text(answered())})
    assert code == 1
    assert why in output
    assert list(submitted(root)) == ["zoe"]


def test_no_name_of_a_file_makes_it_another_students(collect: Collect, root: Path, answered: Any) -> None:
    """The second number is Zoë's in the roster, and her name is there as well: Jane has written both."""
    files = {"Jane Doe_1_assignsubmission_file_Zoë Müller_12346_assignsubmission_file_tiny.ipynb": b"{}"}
    collect(files)
    assert "zoe" not in submitted(root)
    assert "jdoe" in submitted(root)


def test_no_folder_keeps_the_time_out(collect: Collect, root: Path, answered: Any) -> None:
    """A folder in the place of the record of the time is left out, like a record that a student wrote."""
    files = {"jdoe/tiny.ipynb": text(answered()), "jdoe/timestamp.txt/x": b""}
    code, output = collect(files, "--received", "2026-11-30 22:59 +0000")
    assert code == 0, output
    assert submitted(root) == {"jdoe": ["timestamp.txt", "tiny.ipynb"]}


def test_what_was_refused_is_told_again_by_grade(
    collect: Collect, run: Any, root: Path, answered: Any
) -> None:
    """Without it a student whose archive is damaged has handed in nothing, for whoever grades."""
    good = text(answered())
    assert collect({"sam2/work.ipynb": good, "sam2/tiny.ipynb/a": b""})[0] == 1
    assert "(File exists)" in (root / "course/collected/sam2/tiny.refused.txt").read_text()
    assert collect({"sam2/tiny.ipynb": good})[0] == 0
    shutil.rmtree(root / "course/submitted")
    shutil.rmtree(root / "course/collected")
    assert collect({"zoe/tiny.ipynb": good, "sam1/tiny.zip": b"PK\3\4 broken"}, "--dry-run")[0] == 1
    assert not (root / "course/collected").exists()
    assert collect({"zoe/tiny.ipynb": good, "sam1/tiny.zip": b"PK\3\4 broken"})[0] == 1
    graded = run("cnnlab", "grade", "tiny", cwd=root)
    assert graded.returncode == 1
    told = "Needs attention: sam1, tiny: what was handed in was refused by collect: it is not a complete zip"
    assert told in graded.stdout
    rows = (root / "course/grades.csv").read_text().splitlines()
    assert [row.rpartition(",")[2] for row in rows if ",sam1," in row] == ["needs attention"]
    exported = run("cnnlab", "export", "canvas", "tiny", cwd=root)
    assert "empty: sam1, tiny: needs attention" in exported.stdout
    twice = run("cnnlab", "grade", "tiny", "tiny", cwd=root)
    assert twice.stdout.count(told) == 1
    assert run("cnnlab", "grade", "tiny", "--student", "zoe", cwd=root).returncode == 0
    assert collect({"sam1/tiny.ipynb": good})[0] == 0
    assert run("cnnlab", "grade", "tiny", cwd=root).returncode == 0


def test_times_come_from_the_worksheet_and_no_student_writes_their_own(
    collect: Collect, root: Path, answered: Any
) -> None:
    worksheet = (
        "\ufeffIdentifier;Full name;Email address;Status;Last modified (submission)\n"
        "Participant 4711;Jane Doe;jane@example.org;Submitted;Monday, 30 November 2026, 11:59 PM\n"
        "Participant 4712;Zoë Müller;zoe@example.org;Submitted;Sunday, 25 October 2026, 2:30 AM\n"
    )
    folder = "Participant_{}_assignsubmission_file_/{}"
    stamp = b"2020-01-01 00:00:00 UTC"
    files = {folder.format(4711, "tiny.ipynb"): text(answered()), folder.format(4711, "timestamp.txt"): stamp}
    files |= {
        folder.format(4712, "tiny.ipynb"): text(answered()),
        folder.format(4712, "timestamp.txt"): stamp,
    }
    code, output = collect(files, "--timezone", "Europe/Berlin", roster=worksheet)
    assert code == 0, output
    jane = root / "course/submitted/jane@example.org/tiny/timestamp.txt"
    assert jane.read_text() == "2026-11-30 22:59:00 UTC"
    assert "comes twice, the clock was put back then" in output
    assert submitted(root)["zoe@example.org"] == ["tiny.ipynb"]


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.name)
def test_hostile_archives(collect: Collect, run: Any, root: Path, answered: Any, export: Any) -> None:
    """Harm is refused by name, and the others' submissions come through; tried as the corpus has it."""
    archive = root / "hostile.zip"
    template = root / "course/release/label_smoothing/label_smoothing.ipynb"
    template.parent.mkdir(parents=True)
    released = Path(__file__).parents[2] / "exercises/label_smoothing/label_smoothing.ipynb"
    template.write_bytes(released.read_bytes())
    export.write(archive, template)
    before = {path for path in root.rglob("*") if "submitted" not in path.parts}
    result = run("cnnlab", "collect", archive, "label_smoothing", cwd=root)
    output = result.stdout + result.stderr
    assert "Traceback" not in output
    assert re.search(export.refused, output)
    assert result.returncode == (1 if export.good else 2)
    there = {path.parent.parent.name for path in (root / "course/submitted").glob("*/*/*.ipynb")}
    assert there == set(export.good)
    after = {path for path in root.rglob("*") if not {"submitted", "collected"} & set(path.parts)}
    assert after <= before
    assert not any(Path(folder, OUTSIDE).exists() for folder in ("/tmp", root, root.parent, root.parents[1]))


def test_other_names_that_are_refused(collect: Collect, root: Path, answered: Any) -> None:
    good = packed(
        {
            "ada/tiny.ipynb": text(answered()),
            "C:/x": b"",
            "ada/Tiny.ipynb": b"",
            "ada/dev": b"",
            "ada/e": b"s",
        }
    )
    archive = root / "names.zip"
    with zipfile.ZipFile(io.BytesIO(good)) as old, zipfile.ZipFile(archive, "w") as new:
        for info in old.infolist():
            content = old.read(info)
            if info.filename == "ada/dev":
                info.external_attr = 0o020666 << 16  # a character device
            new.writestr(info, content)
    data = archive.read_bytes()
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # set the flag "encrypted" of ada/e
        start = data.rindex(mark)
        data = data[: start + offset] + b"\x01" + data[start + offset + 1 :]
    archive.write_bytes(data)
    code, output = collect(archive, roster=None)
    assert code == 1
    for line in (
        "C:/x  its name begins with a drive letter",
        "ada/Tiny.ipynb  its name is the same as that of ada/tiny.ipynb",
        "ada/dev  it is a device",
        "ada/e  it is encrypted",
    ):
        assert line in output
    assert submitted(root) == {"ada": ["tiny.ipynb"]}


@pytest.mark.parametrize(
    ("roster", "sentence"),
    [
        ("id,name\na,A\na,B\n", "'a' stands in the column 'id' twice, for A and B"),
        ("first,second\n1,2\n", "has no column that identifies every student; it has 'first', 'second'"),
        ("id\n../x\n", "cannot name a folder"),
        ("id,name\n", "holds a header and nothing else"),
        ("", "has no header line"),
    ],
)
def test_a_roster_that_is_none(collect: Collect, answered: Any, roster: str, sentence: str) -> None:
    code, output = collect({"a.ipynb": text(answered())}, roster=roster)
    assert code == 2
    assert sentence in output
    assert output.count("\n") == 1


def test_the_line_for_excel_is_no_header(collect: Collect, root: Path, answered: Any) -> None:
    files = {"Jane Doe_1_assignsubmission_file_/tiny.ipynb": text(answered())}
    code, output = collect(files, roster="sep=;\r\nid;first name;last name\r\njdoe;Jane;Doe\r\n")
    assert code == 0, output
    assert list(submitted(root)) == ["jdoe"]


def test_bad_input_is_one_sentence(collect: Collect, run: Any, root: Path, answered: Any) -> None:
    (root / "empty").mkdir()
    (root / "note.txt").write_text("hello")
    jane = {"Jane Doe_1_assignsubmission_file_/tiny.ipynb": text(answered())}
    assert "add --roster FILE" in " ".join(collect(jane, roster=None)[1].split())
    for result, sentence in (
        (collect(root / "empty"), "holds no submission of tiny"),
        (collect(root / "note.txt"), "is not a complete zip archive"),
        (collect(root / "gone.zip"), "there is no file or folder"),
        (collect(jane, "--received", "03/04/2026"), "can mean two days"),
        (collect(jane, "--timezone", "Middle/Earth"), "unknown time zone"),
    ):
        code, output = result
        assert code == 2
        assert sentence in " ".join(output.split())
    result = run("cnnlab", "collect", "x.zip", "tinny", cwd=root)
    assert result.stderr == "cnnlab: unknown assignment 'tinny'. Did you mean 'tiny'? Known: tiny.\n"


def test_canvas_gradebook_as_roster_in_latin_1(collect: Collect, root: Path, answered: Any) -> None:
    table = "Student,ID,SIS User ID,SIS Login ID,Section,tiny (77)\n    Points Possible,,,,,7\n"
    table += '"Müller, Zoë",12346,S9,zoe9,A,\n"Student, Test",5,,x,A,\n'
    (root / "canvas.csv").write_bytes(table.encode("cp1252"))
    files = {"müllerzoë_12346_902_tiny.ipynb": text(answered())}
    code, output = collect(files, "--roster", "canvas.csv", roster=None)
    assert code == 0, output
    assert "was read as Latin-1" in output
    assert list(submitted(root)) == ["zoe9"]
    record = json.loads((root / "course/collected/zoe9/tiny.json").read_text())
    assert record["age"] == ["number", 902.0]
