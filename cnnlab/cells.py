"""What handing in, practice and grading take for granted about a notebook's cells."""

# How long one cell or check may run. A check takes well under a second, one of a right answer that draws
# number by number 3 s of computing; a machine that is busy must not cost anybody points.
CELL_SECONDS = 60

# A cell with this tag is the student's experiment: its submitted outputs are kept, it is not run again.
EXPERIMENT = "experiment"
