"""What runs on an executor: plain Python, NumPy, Arrow and numba kernels.

No Spark here, and no I/O beyond what a path names.
"""

from gristmill.udfs.arrow import zip_directories

zip_directories.install()
