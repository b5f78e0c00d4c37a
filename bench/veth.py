"""AF_XDP and its rivals on a veth pair: how many reports a second without loss, at which cost.

The receiver (bench_receive) has its worker on CPU 1, `hopscope generate` sends live frames from CPU
0. Where the kernel's part of receiving (NAPI) runs decides much, so there are two placements:
  sender  as veth does by itself: on the sender's CPU. The worker has CPU 1 for itself and spins.
  worker  threaded NAPI on CPU 1, beside the worker, which sleeps in poll(): all of receiving on one
          core, as on a NIC whose interrupts go to the worker's core.

A rate counts as free of loss if a trial of TRIAL_S lost no frame, or a second one did not: the host
takes its CPUs away now and then. On the worker's CPU one frame in a thousand may be lost: a veth has
a ring of 256 frames, which any disturbance of a quarter of a millisecond fills. Between the highest
rate that passed and the lowest that did not the search goes on until they differ by less than a
thirtieth."""

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build", "release")
RECEIVE = os.environ.get("HOPSCOPE_BENCH_RECEIVE", os.path.join(BUILD, "bench", "bench_receive"))
sys.path.insert(0, os.path.join(ROOT, "tests", "integration"))
os.environ.setdefault("HOPSCOPE", os.path.join(BUILD, "hopscope"))
from lab import HOPSCOPE, Lab, run, wait_for  # noqa: E402

SENDER_CPU, WORKER_CPU = 0, 1
TRIAL_S = float(os.environ.get("HOPSCOPE_BENCH_TRIAL", 1.0))
ALLOWED_LOSS = {"sender": 0, "worker": 0.001}
TRAFFIC = ("--flows", 1000, "--hops", 6)
# The kernel puts only datagrams of one sender together that have a checksum.
MORE_TRAFFIC = {"udp_gro": ("--udp-checksum", "--source-ports", 1)}
ADDRESS, MAC = "10.0.0.100", "02:00:00:00:00:02"  # where `hopscope generate` sends to
LOWEST, HIGHEST = 100_000, 8_000_000
WORKS = {"drop": "nothing", "pipeline": "pipeline", "few_events": "pipeline, few events"}
METHODS = ("af_xdp", "recvmmsg", "udp_gro", "tpacket_v3")


class BenchLab(Lab):
    """A pair whose receiving end is in a namespace of its own too: it gets an address there."""

    def __init__(self):
        super().__init__()
        self.receiving = self.namespace + "-rx"

    def make_pair(self):
        run("ip", "netns", "add", self.receiving)
        self.stack.callback(run, "ip", "netns", "del", self.receiving, check=False)
        super().make_pair()
        run("ip", "link", "set", self.collector_end, "netns", self.receiving)
        self.inside("ip", "link", "set", self.collector_end, "address", MAC, "up")
        self.inside("ip", "address", "add", f"{ADDRESS}/8", "dev", self.collector_end)
        for name in ("all", self.collector_end):
            self.inside("sysctl", "-qw", f"net.ipv4.conf.{name}.rp_filter=0")
        self.inside("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", check=False)

    def inside(self, *command, **more):
        return run("ip", "netns", "exec", self.receiving, *command, **more)

    def thread_napi(self):
        """Moves NAPI into a thread on the worker's CPU; returns the thread's id."""
        path = f"/sys/class/net/{self.collector_end}/threaded"
        self.inside("sh", "-c", f"echo 1 > {path}")
        name = f"napi/{self.collector_end}-"[:15]

        def find():
            for pid in filter(str.isdigit, os.listdir("/proc")):
                with contextlib.suppress(OSError), open(f"/proc/{pid}/comm") as f:
                    if f.read().startswith(name):
                        return int(pid)
            return None
        thread = wait_for("the NAPI thread", find)
        os.sched_setaffinity(thread, {WORKER_CPU})
        os.setpriority(os.PRIO_PROCESS, thread, -20)  # else the worker keeps it waiting
        return thread


class Receiver:
    """A running bench_receive."""

    def __init__(self, lab, method="af_xdp", work="pipeline", placement="sender", idle=None,
                 frames=16384, more=()):
        idle = idle or ("spin" if placement == "sender" else "poll")
        if method != "af_xdp":
            # Live frames need a NAPI at the other end; UDP_GRO needs GRO.
            lab.inside("ethtool", "-K", lab.collector_end, "gro", "on")
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", lab.receiving, "taskset", "-c", str(WORKER_CPU), RECEIVE,
             "--interface", lab.collector_end, "--method", method, "--work", work, "--idle", idle,
             "--frames", str(frames), "--cpu", str(WORKER_CPU), *map(str, more)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if not self.process.stdout.readline().startswith("ready"):
            raise RuntimeError(f"bench_receive --method {method} did not start")
        self.placement = placement
        self.traffic = (*TRAFFIC, *MORE_TRAFFIC.get(method, ()))
        self.napi = lab.thread_napi() if placement == "worker" else None

    def counters(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        told = json.loads(self.process.stdout.readline())
        if self.napi:
            with open(f"/proc/{self.napi}/schedstat") as f:
                told["cpu_ns"] += int(f.read().split()[0])
        return told

    def settled(self):
        """The counters once no more frames come in."""
        last = self.counters()
        while True:
            time.sleep(0.02)
            now = self.counters()
            if now["frames"] == last["frames"]:
                return now
            last = now

    def stop(self):
        """Ends it; returns what else it said."""
        rest, _ = self.process.communicate()
        self.process.stdin = None
        return rest

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()


def take_the_cores():
    """Goes before the sessions of other users of the machine, as far as the kernel allows."""
    with contextlib.suppress(OSError):
        if os.getpid() != os.getsid(0):
            os.setsid()
        with open("/proc/self/autogroup", "w") as f:
            f.write("-20")


def trial(lab, receiver, rate, seconds=TRIAL_S):
    """Sends for a while; returns what came of it. rate 0: as fast as it goes."""
    before = receiver.counters()
    flood = ("--duration", seconds) if rate else ("--count", int(6_000_000 * seconds))
    sent = lab.generate("--cpu", SENDER_CPU, "--rate", rate, *receiver.traffic, *flood)
    after = receiver.settled()
    received = after["frames"] - before["frames"]
    took = sent["output"]["seconds"]
    return {"offered": sent["output"]["rate"], "sent": sent["frames"], "received": received,
            "lost": sent["frames"] - received, "rate": received / took,
            "refused": sent["output"]["driver_refused"],
            "events": (after.get("events", 0) - before.get("events", 0)) / max(1, received),
            "cpu_ns": (after["cpu_ns"] - before["cpu_ns"]) / max(1, received)}


def loss_free(lab, receiver):
    """(The highest rate without loss, by what was really sent; the most that was received at any
    rate; whether the sender was the limit), in reports per second."""
    most = 0

    def passes(rate):
        nonlocal most
        for _ in range(2):
            seen = trial(lab, receiver, rate)
            most = max(most, seen["rate"])
            if seen["lost"] <= ALLOWED_LOSS[receiver.placement] * seen["sent"]:
                return seen["offered"]
        return 0
    low, best, high = LOWEST, 0, HIGHEST
    limited = False
    rate = 1_000_000
    while high > low * 1.033:
        reached = passes(rate)
        if reached:
            low, best = rate, max(best, reached)
            limited = reached < 0.97 * rate
            if limited:
                break
        else:
            high = rate
        rate = int((low * high) ** 0.5) if high < HIGHEST else min(HIGHEST, int(rate * 1.5))
        if rate <= 1.033 * LOWEST:
            break
    most = max(most, trial(lab, receiver, 0)["rate"])
    return best, most, limited


def core_to_core():
    return float(run(RECEIVE, "--core-to-core", str(SENDER_CPU), str(WORKER_CPU)).stdout)


def spread(values):
    return (f"{statistics.median(values) / 1e6:.2f} "
            f"[{min(values) / 1e6:.2f}..{max(values) / 1e6:.2f}]")


def measure(repeats, cases, cost_rate=400_000):
    """One case after the other, `repeats` times over; {case: {what: values}}."""
    seen = {case: {what: [] for what in ("c2c", "free", "most", "limited", "cpu", "events")}
            for case in cases}
    for _ in range(repeats):
        for case in cases:
            placement, method, work = case
            values = seen[case]
            values["c2c"].append(core_to_core())
            with BenchLab() as lab:
                with Receiver(lab, method, work, placement) as receiver:
                    trial(lab, receiver, 200_000, 0.2)  # every flow is known
                    for what, value in zip(("free", "most", "limited"), loss_free(lab, receiver)):
                        values[what].append(value)
            with BenchLab() as lab:
                with Receiver(lab, method, work, placement, idle="poll") as receiver:
                    trial(lab, receiver, 200_000, 0.2)
                    cost = trial(lab, receiver, cost_rate)
                    values["cpu"].append(cost["cpu_ns"])
                    values["events"].append(cost["events"])
    return seen


def receivers(repeats=3, methods=METHODS):
    cases = [(placement, method, work) for placement in ("sender", "worker") for method in methods
             for work in (WORKS if method == "af_xdp" else ("pipeline",))]
    seen = measure(repeats, cases)
    print("| kernel's part on the CPU of the | receiver | behind it | without loss, M/s | at most, "
          "M/s | CPU, ns/report | events/report | core to core, ns |\n"
          "|---|---|---|---|---|---|---|---|")
    for (placement, method, work), values in seen.items():
        c2c = values["c2c"]
        print(f"| {placement} | {method} | {WORKS[work]} | "
              f"{spread(values['free'])}{' (all that was sent)' if all(values['limited']) else ''} "
              f"| {spread(values['most'])} | {statistics.median(values['cpu']):.0f} | "
              f"{statistics.median(values['events']):.2f} | "
              f"{statistics.median(c2c):.0f} [{min(c2c):.0f}..{max(c2c):.0f}] |", flush=True)
    print()

    def ratio(a, b, what, form):
        over, under = (statistics.median(seen[case][what]) for case in (a, b))
        return form.format(over / under) if under else "(no rate)"
    for placement in ("sender", "worker"):
        xdp = (placement, "af_xdp", "pipeline")
        for what, words in (("free", "without loss"), ("most", "at most")):
            print(f"Kernel's part on the {placement}'s CPU, {words}: with the whole pipeline "
                  f"{ratio(xdp, (placement, 'af_xdp', 'drop'), what, '{:.0%}')} of receiving alone"
                  + "".join(f", {ratio(xdp, (placement, method, 'pipeline'), what, '{:.1f}')} times "
                            f"{method}" for method in methods if method != "af_xdp") + ".")
    print()


def idling(frames=3000, gap_us=1000):
    """What each idle strategy costs without frames, and what it adds to a frame's way. CPU time of
    the worker, and of the NAPI thread where there is one."""
    print("| kernel's part on the CPU of the | idle | CPU without frames | polls/s | latency, us: median | 99% |\n"
          "|---|---|---|---|---|---|")
    for placement in ("sender", "worker"):
        for idle in ("spin", "adaptive", "poll"):
            if placement == "worker" and idle == "spin":
                continue  # two threads that never sleep fight for the core
            with BenchLab() as lab:
                with Receiver(lab, placement=placement, idle=idle, frames=4096,
                              more=["--stamps"]) as receiver:
                    before, start = receiver.counters(), time.monotonic()
                    time.sleep(2)
                    after, took = receiver.counters(), time.monotonic() - start
                    run("ip", "netns", "exec", lab.namespace, "taskset", "-c", str(SENDER_CPU),
                        RECEIVE, "--interface", lab.generator_end, "--send-stamps", str(frames),
                        "--mean-gap-us", str(gap_us))
                    time.sleep(0.1)
                    told = json.loads(receiver.stop().splitlines()[-1])
            if told["frames"] != frames:
                raise RuntimeError(f"{told['frames']} of {frames} stamped frames came")
            print(f"| {placement} | {idle} | {(after['cpu_ns'] - before['cpu_ns']) / took / 1e9:.1%}"
                  f" | {(after['polls'] - before['polls']) / took:.0f} | "
                  f"{told['median_ns'] / 1e3:.1f} | {told['p99_ns'] / 1e3:.1f} |", flush=True)
    print()


def veth(repeats=3):
    """All of it, as tables for bench/README.md."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the pair goes away
    take_the_cores()
    print(f"Load of the machine at the start: {os.getloadavg()[0]:.1f}\n", flush=True)
    receivers(repeats)
    idling()


if __name__ == "__main__":
    veth(*map(int, sys.argv[1:2]))
