"""An S3 server on this machine (moto), with one bucket."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow.fs as fs

from tests.support import cluster_tools, processes

BUCKET = "lake"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}


class S3Server:
    """A bucket behind `endpoint`; what is in it is gone when the server ends."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        python = str(cluster_tools.moto_server().with_name("python"))
        program = str(Path(__file__).with_name("s3_one_at_a_time.py"))
        self.server = processes.start("s3", [python, program, "-H", "127.0.0.1", "-p", "0"], home, environment)

    def await_ready(self) -> None:
        """Wait until it answers, and make the bucket."""

        def address(said: str) -> str | None:
            found = re.search(r"Running on (http://127\.0\.0\.1:\d+)", said)
            return found[1] if found else None

        self.endpoint = self.server.await_answer(address)
        self.files = fs.S3FileSystem(
            access_key=KEYS["AWS_ACCESS_KEY_ID"], secret_key=KEYS["AWS_SECRET_ACCESS_KEY"], region=KEYS["AWS_REGION"],
            endpoint_override=self.endpoint.removeprefix("http://"), scheme="http", allow_bucket_creation=True,
            connect_timeout=60, request_timeout=60,  # its first answer loads its modules; a busy machine takes longer than the default's 3 s
        )  # fmt: skip
        self.files.create_dir(BUCKET)

    def environment(self) -> dict[str, str]:
        """What clients that look into the environment need: pyarrow, delta-rs, Hadoop's EnvironmentVariableCredentialsProvider."""
        ends = {"AWS_ENDPOINT_URL": self.endpoint, "AWS_ENDPOINT_URL_S3": self.endpoint}
        return {**KEYS, **ends, "AWS_EC2_METADATA_DISABLED": "true", "AWS_ALLOW_HTTP": "true"}

    def conf(self) -> dict[str, str]:
        """What Hadoop's s3a:// needs on driver and executors."""
        jars = ":".join(map(str, cluster_tools.s3_jars()))
        s3a = {
            "endpoint": self.endpoint,
            "path.style.access": "true",
            "connection.ssl.enabled": "false",
            "aws.credentials.provider": "com.amazonaws.auth.EnvironmentVariableCredentialsProvider",
        }
        path = {"spark.driver.extraClassPath": jars, "spark.executor.extraClassPath": jars}
        return {**path, **{f"spark.hadoop.fs.s3a.{name}": value for name, value in s3a.items()}}

    def put(self, local: Path, key: str) -> str:
        """Copy a file or folder into the bucket; returns its s3a:// address."""
        where = f"{BUCKET}/{key}"
        if local.is_file():
            fs.copy_files(str(local), where, destination_filesystem=self.files)
        else:
            fs.copy_files(str(local), where, source_filesystem=fs.LocalFileSystem(), destination_filesystem=self.files)
        return f"s3a://{where}"

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """Key -> bytes of the objects below a folder of the bucket."""
        where = fs.FileSelector(f"{BUCKET}/{prefix}".rstrip("/"), recursive=True, allow_not_found=True)
        found = [info for info in self.files.get_file_info(where) if info.is_file]
        return {info.path.removeprefix(f"{BUCKET}/"): info.size for info in found}

    def n_requests(self) -> int:
        """How many requests it has answered since its start, by its log."""
        return self.server.log.read_text(errors="replace").count(" HTTP/1.1")
