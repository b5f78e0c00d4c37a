// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Makes report frames inside the kernel: BPF_PROG_RUN with BPF_F_TEST_XDP_LIVE_FRAMES runs this
// program once per frame, and what it redirects leaves through the device map.
//
// Each frame is a copy of the next template with its sequence number and its timestamps moved on.
// A page comes back with whatever the receiver's stack wrote into it, so the whole frame is written
// every time. Pacing is in here too: each call of BPF_PROG_RUN ends with some 24 ms of waiting, so
// the calls must be few and long.

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "generator_shared.h"

struct {
  __uint(type, BPF_MAP_TYPE_DEVMAP);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} device SEC(".maps");

// The loader sets the number of entries and the size of the values.
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __uint(key_size, sizeof(__u32));
  __uint(value_size, sizeof(struct generator_template) + GENERATOR_MAX_FRAME);
} templates SEC(".maps");

const volatile __u32 template_count = 1;
const volatile __u32 frame_bytes = 64;  // of the longest template; what BPF_PROG_RUN supplies
const volatile __u32 device_index = 0;  // interface whose transmissions are counted
const volatile __u64 frame_limit = 0;   // stop after so many; 0: no limit
const volatile __u64 duration_ns = 0;   // stop after so long; 0: no limit
const volatile __u64 gap_ns_x1024 = 0;  // between frames; 0: as fast as it goes
const volatile __u32 pace_mask = 15;    // look at the clock when (sent & mask) is 0
const volatile __u32 move_times = 1;

struct generator_state state;

// Behind by more than this, the schedule is moved on instead of sending a burst.
#define LATE_NS 1000000

struct waiting {
  __u64 due_ns;
};

static long until_due(__u32 round, struct waiting* waiting) {
  return bpf_ktime_get_ns() >= waiting->due_ns;
}

/* Returns 1 when sending is over. */
static __always_inline int keep_time(void) {
  __u64 now = bpf_ktime_get_ns();
  if (state.start_ns == 0) {
    state.start_ns = now;
    state.pace_ns = now;
  }
  state.now_ns = now;
  if (duration_ns != 0 && now - state.start_ns >= duration_ns) {
    state.stopped = 1;
    return 1;
  }
  if (gap_ns_x1024 == 0) return 0;
  struct waiting waiting = {.due_ns = state.pace_ns +
                                      (((state.sent - state.pace_base) * gap_ns_x1024) >> 10)};
  if (now > waiting.due_ns + LATE_NS) {
    state.pace_ns = now;
    state.pace_base = state.sent;
    ++state.late;
  } else if (now < waiting.due_ns) {
    bpf_loop(1 << 22, until_due, &waiting, 0);
    state.now_ns = waiting.due_ns;
  }
  return 0;
}

/* What the UDP checksum's sum gains when a big-endian word changes from `was` to `is`. */
static __always_inline __u64 gain(__u32 was, __u32 is) {
  return (__u64)(__u32)~was + is;
}

static __always_inline void set_checksum(__u16* field, __u64 gained) {
  __u64 sum = (__u16) ~*field + (gained & 0xFFFFFFFF) + (gained >> 32);
  sum = (sum & 0xFFFF) + ((sum >> 16) & 0xFFFF) + (sum >> 32);
  sum = (sum & 0xFFFF) + (sum >> 16);
  sum = (sum & 0xFFFF) + (sum >> 16);
  __u16 checksum = ~(__u16)sum;
  *field = checksum != 0 ? checksum : 0xFFFF;
}

static __always_inline __u64 number_frame(struct generator_template* template, void* data,
                                          void* data_end) {
  __u32 at = template->sequence_at & (GENERATOR_MAX_FRAME - 1);
  __u32* word = data + at;
  if (template->sequence_mask == 0 || (void*)(word + 1) > data_end) return 0;
  __u32 number = template->sequence + state.lap * template->sequence_step;
  __u32 was = *word;
  __u32 mask = template->sequence_mask;
  __u32 is = bpf_htonl((bpf_ntohl(was) & ~mask) | (number & mask));
  *word = is;
  return gain(was, is);
}

static __always_inline __u64 move_times_on(struct generator_template* template, void* data,
                                           void* data_end) {
  __u64 gained = 0;
  __u64 delta = state.now_ns - state.start_ns - template->time_offset_ns;
  for (__u32 i = 0; i < GENERATOR_MAX_TIMES; ++i) {
    if (i >= template->time_count) break;
    __u32 at = template->time_at[i];
    void* field = data + (at & (GENERATOR_MAX_FRAME - 1));
    if (at & GENERATOR_TIME_WIDE) {
      __u32* words = field;
      if ((void*)(words + 2) > data_end) break;
      __u64 time = ((__u64)bpf_ntohl(words[0]) << 32 | bpf_ntohl(words[1])) + delta;
      __u32 high = bpf_htonl(time >> 32), low = bpf_htonl((__u32)time);
      gained += gain(words[0], high) + gain(words[1], low);
      words[0] = high;
      words[1] = low;
    } else {
      __u32* word = field;
      if ((void*)(word + 1) > data_end) break;
      __u32 time = bpf_htonl(bpf_ntohl(*word) + (__u32)delta);
      gained += gain(*word, time);
      *word = time;
    }
  }
  return gained;
}

/* Writes the template and what changes in it; 0 when that is impossible. */
static __always_inline int write_frame(struct xdp_md* ctx, struct generator_template* template) {
  __u32 length = template->length;
  if (length < 14 || length > frame_bytes) return 0;
  if (length != frame_bytes && bpf_xdp_adjust_tail(ctx, (int)(length - frame_bytes)) != 0) return 0;
  if (bpf_xdp_store_bytes(ctx, 0, (void*)template + sizeof(*template), length) != 0) return 0;

  void* data = (void*)(long)ctx->data;
  void* data_end = (void*)(long)ctx->data_end;
  __u64 gained = number_frame(template, data, data_end);
  if (move_times) gained += move_times_on(template, data, data_end);
  __u32 checksum_at = template->checksum_at & (GENERATOR_MAX_FRAME - 1);
  __u16* checksum = data + checksum_at;
  if (checksum_at != 0 && (void*)(checksum + 1) <= data_end) set_checksum(checksum, gained);
  return 1;
}

SEC("xdp")
int generate(struct xdp_md* ctx) {
  if (state.stopped) return XDP_DROP;
  if ((state.sent & pace_mask) == 0 && keep_time()) return XDP_DROP;
  __u32 index = state.next;
  struct generator_template* template = bpf_map_lookup_elem(&templates, &index);
  if (!template || !write_frame(ctx, template)) {
    state.stopped = 1;
    return XDP_DROP;
  }
  if (++index == template_count) {
    index = 0;
    ++state.lap;
  }
  state.next = index;
  ++state.sent;
  if (state.sent == frame_limit) {
    state.now_ns = bpf_ktime_get_ns();
    state.stopped = 1;
  }
  return bpf_redirect_map(&device, 0, 0);
}

struct net_device {
  int ifindex;
} __attribute__((preserve_access_index));

/* The device map hands frames to the driver in bulks; a full ring makes it refuse some. Nothing
 * else in the kernel says so for every driver. */
SEC("raw_tp/xdp_devmap_xmit")
int count_transmitted(struct bpf_raw_tracepoint_args* ctx) {
  struct net_device* to = (struct net_device*)ctx->args[1];
  if (BPF_CORE_READ(to, ifindex) != (int)device_index) return 0;
  __sync_fetch_and_add(&state.taken, (__u32)ctx->args[2]);
  __sync_fetch_and_add(&state.refused, (__u32)ctx->args[3]);
  return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
