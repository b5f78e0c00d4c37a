/* What the traffic generator's program and its loader share. Compiled as C for BPF and as C++. */
#pragma once

#include <linux/types.h>

enum {
  GENERATOR_MAX_TIMES = 48,     /* timestamps of a frame that are moved on */
  GENERATOR_MAX_FRAME = 2048,   /* bytes */
  GENERATOR_TIME_WIDE = 0x8000, /* in time_at: 8 bytes, else 4 */
};

/* A value of the map `templates`: this, then the frame's bytes. A template is sent again and again;
 * `lap` counts how often. The sequence number on the wire is sequence + lap * sequence_step. */
struct generator_template {
  __s64 time_offset_ns; /* of the template against the first one */
  __u32 length;         /* bytes of the frame */
  __u32 sequence;
  __u32 sequence_step;
  __u32 sequence_mask; /* the bits of the 4 bytes at sequence_at that are the number; 0: none */
  __u16 sequence_at;
  __u16 checksum_at; /* the UDP checksum to be kept right; 0: there is none */
  __u16 time_count;
  __u16 unused;
  __u16 time_at[GENERATOR_MAX_TIMES];
};

/* In .bss, mapped by the loader, which reads while the program runs. */
struct generator_state {
  __u64 sent;      /* frames handed to the device map */
  __u64 start_ns;  /* CLOCK_MONOTONIC of the first frame */
  __u64 now_ns;    /* ... of the last look at the clock */
  __u64 pace_ns;   /* when frame 0 would have been due, moved on when time was lost */
  __u64 pace_base; /* frames before pace_ns counts */
  __u64 late;      /* times that the schedule was moved on */
  __u64 taken;     /* frames that the driver took (tracepoint xdp_devmap_xmit) */
  __u64 refused;   /* frames that it did not */
  __u32 next;      /* template */
  __u32 lap;
  __u32 stopped;
};

#ifdef __cplusplus
static_assert(sizeof(generator_template) == 128);
#else
_Static_assert(sizeof(struct generator_template) == 128, "the loader relies on it");
#endif
