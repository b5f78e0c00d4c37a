"""A virtual machine of QEMU's, without KVM, with a NIC on a tap device and a shell on a serial port.

To be used inside a network namespace of its own: the tap device is made there by QEMU and goes with
it."""

import json
import shlex
import socket
import subprocess
import time

TAP = "reports"
# no_timer_check: a host under load delivers the timer's first interrupts too late for the kernel's
# patience.
CMDLINE = "console=ttyS0 panic=-1 quiet mitigations=off ipv6.disable=1 no_timer_check"


class GuestError(Exception):
    pass


class Machine:
    """Runs until the `with` block ends, however that ends; then it is killed."""

    def __init__(self, qemu, vmlinuz, initramfs, log, nic, queues=1, boot_seconds=300):
        self.log = log
        self.output = b""
        mine, its = socket.socketpair()
        self.shell = mine
        tap = f"tap,id=nic,ifname={TAP},script=no,downscript=no"
        command = [
            qemu, "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2",
            "-m", "768", "-nodefaults", "-display", "none", "-no-reboot",
            "-kernel", vmlinuz, "-initrd", initramfs,
            "-append", CMDLINE,
            "-chardev", f"file,id=console,path={log}", "-serial", "chardev:console",
            "-chardev", f"socket,id=shell,fd={its.fileno()}", "-serial", "chardev:shell",
            "-netdev", tap + (f",queues={queues}" if queues > 1 else ""),
            "-device", f"{nic},netdev=nic,mac=02:00:00:00:00:02",
        ]
        with its:
            self.process = subprocess.Popen(command, pass_fds=[its.fileno()],
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                            stderr=subprocess.PIPE, text=True)
        try:
            self.read_until(b"ready", time.monotonic() + boot_seconds)
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        self.shell.close()

    def run(self, command, check=True, seconds=180):
        """Runs a command in the guest to its end and returns what it printed."""
        mark = f"---{time.monotonic_ns()}"
        # The mark is put together by the guest, so that an echo of the command is not taken for it.
        line = f"( {command}\n) </dev/null; echo {mark[:3]}''{mark[3:]} $?\n"
        try:
            self.shell.sendall(line.encode())
            text = self.read_until(mark.encode(), time.monotonic() + seconds)
        except OSError as error:
            raise GuestError(f"the guest is gone: {error}; {self.last_words()}") from None
        status = int(text.rsplit(mark, 1)[1])
        text = text.rsplit(mark, 1)[0]
        if check and status != 0:
            raise GuestError(f"in the guest: {command}: exit {status}\n{text}")
        return text

    def read_until(self, mark, deadline):
        while True:
            at = self.output.find(mark)
            end = self.output.find(b"\n", at)
            if at >= 0 and end >= 0:
                text, self.output = self.output[:end], self.output[end + 1:]
                return text.decode(errors="replace").replace("\r", "")
            self.shell.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                more = self.shell.recv(65536)
            except TimeoutError:
                raise GuestError(f"the guest does not answer; {self.last_words()}") from None
            if not more:
                raise GuestError(f"the guest ended; {self.last_words()}")
            self.output += more

    def last_words(self):
        error = self.process.stderr.read() if self.process.poll() is not None else ""
        with open(self.log, errors="replace") as f:
            return f"the end of {self.log}:\n{f.read()[-3000:]}\n{error}"

    def put(self, path, text):
        self.run(f"printf %s {shlex.quote(text)} >{path}")

    def into_guest(self):
        """Frames that the machine took from the tap device."""
        shown = subprocess.run(["ip", "-json", "-statistics", "link", "show", TAP], check=True,
                               capture_output=True, text=True)
        return json.loads(shown.stdout)[0]["stats64"]["tx"]["packets"]
