"""hopscope inside the guest, and the balance of all frames that were sent to it."""

import dataclasses
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))
from lab import parse_metrics, total  # noqa: E402

from machine import GuestError  # noqa: E402

URL = "http://127.0.0.1:9465"
NIC = "eth0"


class Collector:
    """A running `hopscope run`; raises GuestError with its log if it does not get ready."""

    def __init__(self, machine, queues, zero_copy, frames):
        self.machine = machine
        config = {
            "receive": {"interface": NIC, "zero_copy": zero_copy, "frames": frames},
            "workers": [{"queue": queue} for queue in range(queues)],
            "tables": {"flows_ipv4": 16384, "flows_ipv6": 1024},
        }
        machine.put("/tmp/hopscope.yaml", json.dumps(config))
        machine.run("rm -f /tmp/status /tmp/pid; ("
                    " sh -c 'echo $$ >/tmp/pid; exec hopscope run --config /tmp/hopscope.yaml';"
                    " echo $? >/tmp/status ) >/tmp/log 2>&1 &")
        self.wait("the collector to be ready", self.ready)

    def ready(self):
        if self.status() is not None:
            raise GuestError(f"hopscope ended with {self.status()}:\n{self.log()}")
        return "ok" in self.machine.run(f"wget -qO- {URL}/readyz 2>/dev/null", check=False)

    def status(self):
        """Exit status, None while it runs."""
        text = self.machine.run("cat /tmp/status 2>/dev/null", check=False)
        return int(text) if text else None

    def log(self):
        return self.machine.run("cat /tmp/log")

    def wait(self, what, condition, seconds=180):
        """Waits until condition() is true; how long it takes decides when to give up, no more."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(0.1)
        raise GuestError(f"gave up waiting for {what}\n{self.log()}")

    def signal(self, name):
        self.machine.run(f"kill -{name} $(cat /tmp/pid)")

    def terminate(self):
        """SIGTERM; returns the exit status."""
        self.signal("TERM")
        self.wait("the end of the collector", lambda: self.status() is not None)
        return self.status()

    def metrics(self):
        return parse_metrics(self.machine.run(f"wget -qO- {URL}/metrics | grep ^hopscope_"))

    def received(self):
        return int(total(self.metrics(), "hopscope_frames_received_total"))

    def frames_in_driver(self, name="rx_packets"):
        """A counter of the guest's NIC."""
        return int(self.machine.run(f"cat /sys/class/net/{NIC}/statistics/{name}"))

    def balance(self, sent, refused):
        """The balance once every frame that was sent is in one place, or as it is if that does not
        come to pass. `refused`: by the tap device."""
        end = time.monotonic() + 180
        while True:
            balance = Balance.of(sent, refused, self.machine.into_guest(),
                                 self.frames_in_driver("rx_dropped"), self.metrics())
            if not balance.wrong() or time.monotonic() > end:
                return balance
            time.sleep(0.2)


@dataclasses.dataclass
class Balance:
    """Where the frames are. From the first to the last place where one can be lost."""

    sent: int
    tap_refused: int     # the tap device had no room
    into_guest: int
    driver_dropped: int  # before the XDP program saw them
    passed: int          # the program left them to the kernel
    redirected: int
    socket_lost: int     # no free frame, ring full, oversized
    received: int
    decoded: int
    refused: int
    handoff_lost: int

    @classmethod
    def of(cls, sent, tap_refused, into_guest, nic_dropped, metrics):
        # In copy mode a miss of the fill ring is in rx_dropped as well; it is not added again.
        lost = int(total(metrics, "hopscope_xsk_rx_dropped_total")
                   + total(metrics, "hopscope_xsk_rx_ring_full_total"))
        verdicts = int(total(metrics, "hopscope_xdp_verdicts_total"))
        redirected = int(total(metrics, "hopscope_xdp_verdicts_total", verdict="redirected"))
        return cls(
            sent=sent, tap_refused=tap_refused, into_guest=into_guest,
            # virtio-net counts a frame that its socket did not take as well.
            driver_dropped=nic_dropped - lost,
            passed=verdicts - redirected, redirected=redirected, socket_lost=lost,
            received=int(total(metrics, "hopscope_frames_received_total")),
            decoded=int(total(metrics, "hopscope_frames_decoded_total")),
            refused=int(total(metrics, "hopscope_frames_dropped_total")),
            handoff_lost=int(total(metrics, "hopscope_queue_dropped_total", queue="handoff")))

    def wrong(self):
        """The sums that do not come out, as text; empty if every frame is in exactly one place."""
        sums = {
            "sent = into guest + refused by the tap": (self.sent,
                                                       self.into_guest + self.tap_refused),
            "into guest = verdicts + dropped by the driver": (
                self.into_guest, self.passed + self.redirected + self.driver_dropped),
            "redirected = received + lost in the socket": (self.redirected,
                                                           self.received + self.socket_lost),
            "received = decoded + refused + lost at the handoff": (
                self.received, self.decoded + self.refused + self.handoff_lost),
        }
        return [f"{name}: {left} is not {right}"
                for name, (left, right) in sums.items() if left != right]

    def __str__(self):
        return ", ".join(f"{field.name.replace('_', ' ')} {getattr(self, field.name)}"
                         for field in dataclasses.fields(self))
