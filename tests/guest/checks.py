"""What is checked in the guest. Each function gets a machine that has just been booted."""

import json
import os
import socket
import subprocess

from collector import NIC, Collector
from machine import TAP, GuestError

HOPSCOPE = os.environ["HOPSCOPE"]
FRAMES = 4096  # of each socket
PACED = 20_000


class Checks:
    """Sends to one machine, keeps the count, and raises GuestError when something is wrong."""

    def __init__(self, machine, queues):
        self.machine = machine
        self.queues = queues
        self.sent = 0
        self.refused = 0  # by the tap device
        # Room for all that a step sends at once.
        self.tap_room(100_000)
        machine.run(f"ip link set {NIC} up")

    def expect(self, what, holds, detail=""):
        print(f"  {'ok' if holds else 'WRONG'}: {what}{f' ({detail})' if detail else ''}",
              flush=True)
        if not holds:
            raise GuestError(f"{what}: {detail}")

    def tap_room(self, frames):
        subprocess.run(["ip", "link", "set", TAP, "mtu", "9000", "txqueuelen", str(frames), "up"],
                       check=True)

    def generate(self, count, rate, *more):
        done = subprocess.run(
            [HOPSCOPE, "generate", "--interface", TAP, "--sender", "packet", "--count", str(count),
             "--rate", str(rate), "--flows", "500", "--hops", "3", "--source-ports", "256", *more],
            capture_output=True, text=True)
        if done.returncode != 0:
            raise GuestError(f"hopscope generate: {done.stderr}")
        made = json.loads(done.stdout)
        self.sent += made["frames"]
        self.refused += made["output"]["driver_refused"]
        return made

    def expect_balance(self, collector, when):
        balance = collector.balance(self.sent, self.refused)
        self.expect(f"every frame is accounted for {when}", not balance.wrong(),
                    "; ".join(balance.wrong()) or str(balance))
        return balance

    def expect_mode(self, collector, zero_copy):
        series = collector.metrics()["hopscope_xdp_mode_info"]
        modes = [dict(key) for key in series]
        wanted = {"mode": "native", "zero_copy": "true" if zero_copy else "false"}
        reached = [mode for mode in modes if wanted.items() <= mode.items()]
        self.expect(f"{'zero-copy' if zero_copy else 'copy'} mode on {self.queues} queue(s)",
                    len(reached) == len(modes) == self.queues,
                    "" if reached == modes else str(modes))
        return modes

    def paced(self, collector, zero_copy):
        made = self.generate(PACED, 10_000, "--malformed", "0.01")
        balance = self.expect_balance(collector, "after paced traffic")
        if zero_copy:  # the NIC waits; in copy mode a busy host may cost frames, which are counted
            self.expect("every report came to its worker",
                        balance.decoded + balance.handoff_lost == made["reports"],
                        f"{made['reports']} sent, {balance.decoded} decoded")
        self.expect("broken frames are refused", balance.refused > 0, str(balance.refused))
        metrics = collector.metrics()["hopscope_frames_per_poll_sum"]
        taken = [int(frames) for _, frames in sorted(metrics.items())]
        self.expect("every queue brought frames", len(taken) == self.queues and all(taken),
                    str(taken))
        return balance

    def send_to_stopped(self, collector):
        """Three times the frames of the sockets. Returns a counter of those the NIC received."""
        before = collector.frames_in_driver()
        collector.signal("STOP")
        self.generate(3 * FRAMES * self.queues, 0)
        return lambda: collector.frames_in_driver() - before

    def oversize(self, collector):
        """Frames of which some are larger than the memory of one, on the way of the others."""
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
            out.bind((TAP, 0))
            for size in (1700, 2000, 3000, 5000):
                for _ in range(10):
                    out.send(report_of(size))
                    self.sent += 1
        return self.expect_balance(collector, "after oversized frames")

    def flood(self, collector):
        self.tap_room(500)
        self.generate(50_000, 0)
        return self.expect_balance(collector, "after a flood that the tap has no room for")


def report_of(size):
    """An Ethernet frame of `size` bytes to the report port, zeros behind its headers."""
    udp = (1000).to_bytes(2, "big") + (32766).to_bytes(2, "big") + (size - 34).to_bytes(2, "big")
    ip = (bytes([0x45, 0]) + (size - 14).to_bytes(2, "big") + bytes([0, 0, 0, 0, 64, 17, 0, 0])
          + bytes([10, 0, 0, 1]) + bytes([10, 0, 0, 100]))
    ethernet = bytes([2, 0, 0, 0, 0, 2]) + bytes([2, 0, 0, 0, 0, 1]) + b"\x08\x00"
    frame = ethernet + ip + udp
    return frame + bytes(size - len(frame))


def zero_copy(machine, queues):
    """A NIC that has zero-copy: it waits for frames, so that nothing is lost behind it."""
    checks = Checks(machine, queues)
    collector = Collector(machine, queues, "require", FRAMES)
    checks.expect_mode(collector, zero_copy=True)
    checks.paced(collector, zero_copy=True)

    taken = checks.send_to_stopped(collector)
    try:
        collector.wait("the NIC to run out of frames", lambda: taken() >= FRAMES * queues)
        checks.expect("a stopped collector holds up the NIC when the last frame is taken",
                      taken() == FRAMES * queues, f"{taken()} of {FRAMES * queues}")
    finally:
        collector.signal("CONT")
    balance = checks.expect_balance(collector, "after it went on")
    checks.expect("nothing was lost", balance.into_guest == balance.received + balance.passed)
    checks.oversize(collector)
    checks.flood(collector)

    checks.expect("SIGTERM ends it well", collector.terminate() == 0)
    checks.expect("the XDP program is gone", "xdp" not in machine.run(f"ip link show {NIC}"))
    again = Collector(machine, queues, "require", FRAMES)
    checks.expect_mode(again, zero_copy=True)
    checks.tap_room(100_000)
    checks.generate(2000, 10_000)
    again.wait("the reports after a restart", lambda: again.received() == 2000)
    checks.expect("SIGTERM ends it well again", again.terminate() == 0)


def without_zero_copy(machine, queues):
    """A NIC that refuses it: `require` says so and ends, `prefer` copies and counts its losses."""
    checks = Checks(machine, queues)
    try:
        Collector(machine, queues, "require", FRAMES)
        refusal = ""
    except GuestError as error:
        refusal = str(error)
    checks.expect("`require` ends and says why", "refuses zero-copy" in refusal, refusal.strip())
    collector = Collector(machine, queues, "prefer", FRAMES)
    modes = checks.expect_mode(collector, zero_copy=False)
    checks.expect("the reason is told", all("refuses zero-copy" in mode["reason"]
                                            for mode in modes))
    lost = checks.paced(collector, zero_copy=False).socket_lost
    taken = checks.send_to_stopped(collector)
    try:
        collector.wait("the NIC to take them all", lambda: taken() == 3 * FRAMES * queues)
    finally:
        collector.signal("CONT")
    lost = checks.expect_balance(collector, "after it was stopped and went on").socket_lost - lost
    checks.expect("what did not fit was counted", lost == 2 * FRAMES * queues, f"{lost} lost")
    checks.oversize(collector)
    checks.expect("SIGTERM ends it well", collector.terminate() == 0)
