"""Script of one side: the Creatives page as it ships."""

import runpy
from pathlib import Path

from benchmarks.workbench.stopwatch import stopwatch

with stopwatch():
    runpy.run_path(str(Path(__file__).parents[2] / "pages" / "creatives.py"))
