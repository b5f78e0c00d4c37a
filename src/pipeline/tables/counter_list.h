#pragma once
// The counters of a worker that are single numbers. One line here makes the counter that the worker
// adds to (worker/worker_counters.h), its value in CounterSnapshot, the reading and the summing.

// clang-format off
#define HOPSCOPE_WORKER_COUNTERS(X)                                                             \
  X(frames)              /* taken from the source */                                            \
  X(bytes)               /* of those frames */                                                  \
  X(decoded)             /* frames that were accepted as reports */                             \
  X(reports)             /* individual reports in them */                                       \
  X(hops)                /* of those reports */                                                 \
  X(batches)             /* non-empty polls */                                                  \
  X(busy_ns)             /* time spent on non-empty polls */                                    \
  X(idle_ns)             /* time spent on empty polls */                                        \
  X(busy_ppm)            /* busy share of the last second or so, in millionths */               \
  X(handoff_dropped)     /* frames for which the queue of their flow's owner had no room */     \
  X(regular_reports)     /* of reports: those that the fast path took */                        \
  X(format_records)      /* custom headers, each element of a group counted */                  \
  X(ipv4_checksum_wrong) /* of frames that were not refused for it */                           \
  X(udp_checksum_wrong)  /* of frames that were not refused for it */                           \
  X(changes_dropped)     /* row changes and sequence numbers for full worker queues */
// clang-format on
