"""The course as a site: python -m lessons.browser, or make site; with the word serve, or make site-serve, to look at it."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress

from . import build, serve

PORT = 8765


def main(words: list[str] | None = None) -> int:
    """Build it, and serve it if that is asked for. Returns the exit code: 0 if it went well."""
    parser = argparse.ArgumentParser(prog="python -m lessons.browser", description="The course as a site.")
    parser.add_argument("verb", nargs="?", choices=["serve"], help="serve it on this machine once it is built")
    parser.add_argument("--port", type=int, default=PORT, help=f"where it is served (default: {PORT})")
    arguments = parser.parse_args(words)
    try:
        loaded = build.build()
    except build.CannotBuild as error:
        print(error, file=sys.stderr)
        return 1
    print(f"The site is in {build.SITE.name}/. A browser loads {loaded / 1e6:.1f} MB before the first cell runs.")
    if arguments.verb == "serve":
        server = serve.server(build.SITE, arguments.port)
        print(f"It is at http://localhost:{server.server_port}/ now. Ctrl-C ends it.", flush=True)
        with server, suppress(KeyboardInterrupt):
            server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
