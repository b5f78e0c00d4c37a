#!/usr/bin/env bash
# InfluxDB 1.6: a write whose points lie in two shards (retention groups of a week by default), with
# one point of the wrong type for each, is answered with `dropped=1`, though two points were dropped.
#
# The likely guess: the number in "partial write: ... dropped=N" is the number of points that the
# request lost, so a sender that counts N as refused and the rest as stored is exact.
# The truth: each shard is written by itself and the first error is the answer; what the others
# dropped is said nowhere. A sender that wants exact counts must not mix times of several shards in
# one request, or must ask again in parts.
# Source: InfluxDB 1.x, coordinator PointsWriter (one write per shard, one error returned), and the
# HTTP API reference, /write, status 400.
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
apt-get download -qq influxdb=1.6.7~rc0-1+b13 2>/dev/null ||
  { apt-get update -qq && apt-get download -qq influxdb=1.6.7~rc0-1+b13 2>/dev/null; }
dpkg-deb -x influxdb_*.deb .
usr/bin/influxd version

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
port=$(free_port)
cat >influxdb.conf <<TOML
reporting-disabled = true
bind-address = "127.0.0.1:$(free_port)"
[meta]
dir = "$work/meta"
[data]
dir = "$work/data"
wal-dir = "$work/wal"
[http]
bind-address = "127.0.0.1:$port"
[monitor]
store-enabled = false
TOML
usr/bin/influxd -config influxdb.conf >log 2>&1 &
server=$!

python3 - "$port" <<'PY'
import json, sys, time, urllib.error, urllib.parse, urllib.request

BASE = f"http://127.0.0.1:{sys.argv[1]}"
WEEK = 7 * 86400
RECENT = int(time.time()) // WEEK * WEEK - WEEK // 2
OLDER = RECENT - 4 * WEEK

def call(path, body):
    try:
        with urllib.request.urlopen(BASE + path, body, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode().strip()

def query(text):
    return json.loads(call("/query", urllib.parse.urlencode({"q": text, "db": "f"}).encode())[1])

def write(*lines):
    return call("/write?db=f&precision=s", "\n".join(lines).encode())

for _ in range(300):
    try:
        urllib.request.urlopen(BASE + "/ping", timeout=1).close()
        break
    except OSError:
        time.sleep(0.1)
query("CREATE DATABASE f")
first = write(f"m v=1 {OLDER}", f"m v=1 {RECENT}")
mixed = write(f'm v="text" {OLDER + 1}', f"m v=2 {OLDER + 2}",
              f'm v="text" {RECENT + 1}', f"m v=2 {RECENT + 2}")
count = query("SELECT count(v) FROM m")["results"][0]["series"][0]["values"][0][1]
print("two floats, one in each shard:", first[0])
print("a text and a float for each shard:", *mixed)
print(f"points stored: {count} of 6, so {6 - count} were dropped")
ok = first[0] == 204 and mixed[0] == 400 and "dropped=1" in mixed[1] and count == 4
sys.exit(0 if ok else "no longer so")
PY
