#!/usr/bin/env bash
# Prometheus 2.42, remote write receiver with out_of_order_time_window: a sample that is older than
# the window is refused with status 500.
#
# The likely guess: 400, as for a sample that comes out of order where no window is set. Data that
# the server will never take is the sender's fault, and the remote write specification makes senders
# try a 5xx again and give a 4xx up.
# The truth: only "out of order", "out of bounds" and "duplicate sample" are told apart from failures
# of the server in this version; "too old sample" is not, so it is 500. A sender that obeys the
# specification sends the same request for ever, and nothing behind it is delivered.
# Source: Prometheus remote write specification 1.0, "Retries & Backoff"; web/api and storage/remote
# (write handler) of Prometheus 2.42.
set -euo pipefail
work=$(mktemp -d)
server=
clean_up() {
  [ -z "$server" ] || { kill "$server" 2>/dev/null && wait "$server" 2>/dev/null; } || true
  rm -rf "$work"
}
trap clean_up EXIT
cd "$work"
chmod 755 "$work"
apt-get download -qq prometheus=2.42.0+ds-5+deb12u1 2>/dev/null ||
  { apt-get update -qq && apt-get download -qq prometheus=2.42.0+ds-5+deb12u1 2>/dev/null; }
dpkg-deb -x prometheus_*.deb .
usr/bin/prometheus --version 2>&1 | head -1

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >config.yml <<'YAML'
storage:
  tsdb:
    out_of_order_time_window: 30m
YAML
usr/bin/prometheus --config.file=config.yml --storage.tsdb.path=data --web.enable-remote-write-receiver \
  --web.listen-address="127.0.0.1:$port" >log 2>&1 &
server=$!

python3 - "$port" <<'PY'
import struct, sys, time, urllib.error, urllib.request

BASE = f"http://127.0.0.1:{sys.argv[1]}"

def varint(n):
    out = b""
    while True:
        out += bytes([n & 0x7F | (0x80 if n > 0x7F else 0)])
        n >>= 7
        if not n:
            return out

def field(number, body):
    return varint(number << 3 | 2) + varint(len(body)) + body

def snappy(data):  # one literal: valid, if not small
    return varint(len(data)) + bytes([61 << 2]) + struct.pack("<H", len(data) - 1) + data

def write(value, age_s):
    labels = field(1, field(1, b"__name__") + field(2, b"finding"))
    stamp = int((time.time() - age_s) * 1000)
    sample = field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + varint(stamp))
    request = urllib.request.Request(
        BASE + "/api/v1/write", snappy(field(1, labels + sample)),
        {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
         "X-Prometheus-Remote-Write-Version": "0.1.0"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode().strip()

for _ in range(300):
    try:
        urllib.request.urlopen(BASE + "/-/ready", timeout=1).close()
        break
    except OSError:
        time.sleep(0.1)
got = [("now", *write(1, 0)), ("10 minutes old, in the window", *write(2, 600)),
       ("2 hours old, beyond the window", *write(3, 7200)),
       ("the same again", *write(3, 7200))]
for what, status, text in got:
    print(f"{what}: {status} {text}")
ok = [status for _, status, _ in got] == [204, 204, 500, 500] and "too old sample" in got[2][2]
sys.exit("no longer so" if not ok else 0)
PY
