"""What spark-submit starts on EMR: `entry.py run curate --recipe ... --lake ...`, as the command `gristmill`.

The package is in the packed environment; the exit code is that of the command, so a step fails with it.
"""

import sys

from gristmill.jobs.cli import main

if __name__ == "__main__":
    sys.exit(main())
