"""Answer the requests in a lake's queue with a model.

reads   synth_requests
writes  synth_answers, leases, and a row of runs
run     python -m gristmill.synth_worker --recipe conf/synth_worker.yaml --lake lakes/demo

It may be stopped and started at any time: answers are journaled as they come, and no part is committed twice.
"""

from __future__ import annotations

import asyncio
import re
import socket
import sys

from gristmill.synth_worker.calls.engines import make_engine
from gristmill.synth_worker.command_line import import_modules, parser, run_command
from gristmill.synth_worker.errors import Stopped
from gristmill.synth_worker.recipe import load


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit code (see gristmill.synth_worker.errors)."""
    flags = parser("", __doc__)
    flags.add_argument(
        "--recipe", required=True, help="YAML file with a section `worker` (ships as conf/synth_worker.yaml)"
    )
    flags.add_argument("--lake", help="path or URL of the lake; overrides the recipe's")
    flags.add_argument(
        "--worker",
        default=socket.gethostname(),
        help="name of this worker, its own on its machine (default: the host's name)",
    )
    flags.add_argument(
        "--metrics-port", type=int, metavar="PORT", help="serve metrics on 127.0.0.1; overrides the recipe's"
    )
    flags.add_argument("--check", action="store_true", help="check the recipe and its prompts, and stop")
    flags.add_argument(
        "--no-packages", action="store_true", help="with --check: do not look for the packages that it needs"
    )
    options = flags.parse_args(argv)

    def answer_requests() -> None:
        # Before anything is opened: --check needs neither lake nor model.
        spec, prompts, digest = load(options.recipe)
        if options.metrics_port is not None:
            spec = spec.model_copy(update={"metrics_port": options.metrics_port})
        if not (options.check and options.no_packages):
            import_modules("deltalake", "aiohttp", extra="worker")
        if options.check:
            print(
                f"{'synth_worker':<16} ok  recipe {digest}  prompts "
                f"{', '.join(f'{name} {p.id}' for name, p in prompts.items())}"
            )
            return
        # Imported here: both use delta-rs, which an installation without the extra lacks.
        from gristmill.synth_worker.queue.store import Store
        from gristmill.synth_worker.worker import Worker

        # The worker's name becomes the name of its journal folder and of its lock.
        store = Store(options.lake or spec.lake, re.sub(r"[^\w.-]", "_", options.worker))
        worker = Worker(spec, prompts, digest, store, make_engine(spec.engine, spec.limits.in_flight))
        # asyncio turns Ctrl-C into a cancellation, so that the worker gives its leases back first.
        try:
            asyncio.run(worker.run())
        except KeyboardInterrupt:
            raise Stopped("stopped; what was answered is kept: run the same command to go on") from None

    return run_command(answer_requests)


if __name__ == "__main__":
    sys.exit(main())
