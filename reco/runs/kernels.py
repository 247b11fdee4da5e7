"""Kernels that are forks of the child which executes a notebook, instead of new processes of Python."""

import json
import os
import signal
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

from ipykernel.kernelapp import IPKernelApp
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

from reco.runs.warm import move


class Kernel:
    """A process that waits to be told to be a kernel, with as much of `subprocess.Popen` as provisioners need."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, line: int) -> None:
        self.pid, self._line = pid, line
        self.returncode: int | None = None

    def be(self, argv: list[str], folder: str | None, environment: dict[str, str]) -> None:
        """Let it be a kernel with these arguments."""
        with os.fdopen(self._line, "w") as line:
            json.dump([argv, folder, environment], line)

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        return self._wait(os.WNOHANG)

    def wait(self) -> int | None:
        """The exit code, once it has ended."""
        return self._wait(0)

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, if it has not ended."""
        self.send_signal(signal.SIGKILL)

    def _wait(self, options: int) -> int | None:
        if self.returncode is None:
            found, status = os.waitpid(self.pid, options)
            if found:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


class ForkedProvisioner(LocalProvisioner):
    """Takes the kernel that waits for the first start of ipykernel; whatever else is asked for is started as ever."""

    waiting: ClassVar[Kernel | None] = None

    async def launch_kernel(self, cmd: list[str], **options: Any) -> KernelConnectionInfo:
        """Start a kernel by its command."""
        kernel = self.waiting
        if kernel is None or "ipykernel_launcher" not in cmd:
            return await super().launch_kernel(cmd, **options)
        type(self).waiting = None
        environment = dict(options.get("env") or os.environ) | {"JPY_PARENT_PID": str(os.getpid())}
        kernel.be(cmd[cmd.index("ipykernel_launcher") :], options.get("cwd"), environment)
        self.process, self.pid, self.pgid = kernel, kernel.pid, kernel.pid
        return self.connection_info


def fork() -> bool:
    """Fork a kernel for this process, which must have no threads yet; false in the kernel, after it has been one."""
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(read)
        os.setpgid(pid, pid)
        ForkedProvisioner.waiting = Kernel(pid, write)
        provisioner = EntryPoint("local-provisioner", f"{__name__}:{ForkedProvisioner.__name__}", "")
        KernelProvisionerFactory.instance().provisioners["local-provisioner"] = provisioner
        return True
    os.close(write)
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    with os.fdopen(read) as line:
        told = line.read()
    if told:  # else the child is gone
        sys.argv, folder, environment = json.loads(told)
        move(folder, environment)
        # Its default was read from the environment when ipykernel was imported. The kernel ends when this process does.
        IPKernelApp.launch_instance(argv=sys.argv[1:], parent_handle=int(environment["JPY_PARENT_PID"]))
    return False
