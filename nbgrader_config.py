"""Lets plain `nbgrader …` and the formgrader work from this folder.

The course lies in `course/`, or in the folder that CNNLAB_COURSE names.
"""

import os
from pathlib import Path

from cnnlab.grading.settings import course_config

c = get_config()  # noqa: F821  (nbgrader puts it here)
c.merge(course_config(Path(__file__).parent / os.environ.get("CNNLAB_COURSE", "course")))
