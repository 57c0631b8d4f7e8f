"""Real mail servers for tests: postfix's smtp-sink, and its notes of what it took."""

import re
import shutil
import socket
import subprocess
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import TracebackType

PROGRAM = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin:/usr/local/sbin")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class SmtpSink:
    """``smtp-sink`` that keeps every transaction in one file."""

    def __init__(self, folder: Path, *options: str) -> None:
        assert PROGRAM, "smtp-sink is missing: apt-get install postfix"
        self.port = free_port()
        self.folder = folder / "sink"
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o777)
        for above in [*list(folder.parents)[:3], folder]:
            if above.owner() == "root" and above.name.startswith("pytest"):
                above.chmod(0o755)
        self._options = options

    def __enter__(self) -> "SmtpSink":
        command = [str(PROGRAM), "-u", "nobody", *self._options]
        command += ["-R", str(self.folder), "-D", "mails.", f"127.0.0.1:{self.port}", "512"]
        self._process = subprocess.Popen(command, cwd=self.folder)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.02)
        raise AssertionError("smtp-sink does not answer")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait()

    def content(self) -> bytes:
        return b"".join(path.read_bytes() for path in self._files())

    def size(self) -> int:
        total = 0
        for path in self._files():
            with suppress(FileNotFoundError):  # a transaction that was cut off
                total += path.stat().st_size
        return total

    def _files(self) -> list[Path]:
        return sorted(self.folder.iterdir())

    def deliveries(self) -> Counter[str]:
        """Recipient → how many mails the server took for it."""
        found = re.findall(rb"^X-Rcpt-Args: <(.*?)>", self.content(), re.MULTILINE)
        return Counter(address.decode() for address in found)
