"""Child processes that never outlive their supervisor, however it ends."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def stop_with_parent(stop_signal: int) -> None:
    """Ask the kernel to send ``stop_signal`` to this process when the thread that started it ends, by SIGKILL too."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, stop_signal, 0, 0, 0)


def _in_child(stop_signal: int, parent: int) -> Callable[[], None]:
    def run() -> None:  # between fork and exec, already under the child's account
        stop_with_parent(stop_signal)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        if os.getppid() != parent:  # the supervisor died in between
            os._exit(1)

    return run


class Program:
    """One child process in a session of its own, so that Ctrl+C reaches only the supervisor, which stops children in order.

    Start it from the main thread: the kernel's "parent died" means the thread that started it.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        stop_signals: Sequence[int] = (signal.SIGTERM,),
        orphan_signal: int | None = None,
        patience: float = 30,
        account: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | Path = "/",
    ) -> None:
        self.name = name
        self.command = [str(part) for part in command]
        self.log = log
        self.stop_signals = tuple(stop_signals)
        self.orphan_signal = orphan_signal or self.stop_signals[0]
        self.patience = patience
        self.account = dict(account or {})
        self.env = dict(env) if env is not None else None
        self.cwd = str(cwd)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.cwd,
                env=self.env,
                start_new_session=True,
                preexec_fn=_in_child(self.orphan_signal, os.getpid()),  # noqa: PLW1509 - needed for prctl; one thread here
                **self.account,
            )

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def exit_code(self) -> int | None:
        return None if self.process is None else self.process.poll()

    def ask_to_stop(self) -> None:
        if self.process is not None and self.running:
            self.process.send_signal(self.stop_signals[0])

    def wait(self, seconds: float) -> bool:
        """Whether the process ended within ``seconds``."""
        if self.process is not None:
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                return False
        return True

    def stop(self) -> None:
        """Stop gently, then firmly; whatever of its group is left is killed. Returns when the process is gone."""
        if self.process is None:
            return
        for stop_signal in self.stop_signals:
            if not self.running:
                break
            self.process.send_signal(stop_signal)
            try:
                self.process.wait(self.patience)
            except subprocess.TimeoutExpired:
                continue
        self.kill_group()
        self.process.wait()

    def kill_group(self) -> None:
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                return

    def last_lines(self, most: int = 12) -> str:
        """The end of the log, for an error sentence."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-most:])


def lives_in(pid: int, folder: Path) -> bool:
    """Whether process ``pid`` is alive and works in ``folder``: then it is the server that wrote the pid file there.
    A number that now belongs to another program, a zombie and a dead process are not."""
    try:
        return os.path.samefile(f"/proc/{pid}/cwd", folder)
    except OSError:
        return False


def is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False


def wait_until(condition: Callable[[], bool], seconds: float, pause: float = 0.05) -> bool:
    """Ask again and again until ``condition`` holds or the time is over; the answer says which."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def end_leftover(pid_file: Path, folder: Path, stop_signal: int, patience: float = 30) -> None:
    """End the server that a killed supervisor left behind in ``folder``, and drop a pid file that names no such server.

    Only for the holder of the state folder's lock: nobody else can rightfully run a server there.
    """
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return
    if lives_in(pid, folder) and not wait_until(lambda: not lives_in(pid, folder), 5):
        os.kill(pid, stop_signal)
        if not wait_until(lambda: not lives_in(pid, folder), patience):
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not lives_in(pid, folder), 5)
    wait_until(lambda: not is_zombie(pid), 5)
    if Path(f"/proc/{pid}").exists():  # somebody else's number by now: the server would believe it is still running
        pid_file.unlink(missing_ok=True)
