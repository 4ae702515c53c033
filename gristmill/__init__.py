"""Gristmill: raw crawled text in, curated pretraining corpus and chain-of-thought data out.

In a wheel the folders `jobs`, `udfs`, `synth_worker`, `conf` and `demo` lie in this one. In a checkout they
lie beside it, where `spark-submit jobs/NAME.py` wants them, and the package is looked for there, too.
"""

from pathlib import Path

_BESIDE = Path(__file__).parent.parent
if (_BESIDE / "synth_worker" / "__main__.py").is_file():
    __path__.append(str(_BESIDE))
