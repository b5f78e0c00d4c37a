/* What the XDP program and the collector both know. Compiled by clang for BPF and by g++ and
 * clang++ for user space; the assertions at the end hold on both sides. */
#ifndef HOPSCOPE_SHARED_H
#define HOPSCOPE_SHARED_H

#define HOPSCOPE_MAX_PORTS 16
#define HOPSCOPE_MAX_QUEUES 256
#define HOPSCOPE_MAX_ETHERTYPES 4

/* What became of a frame. Everything but HOPSCOPE_REDIRECTED went on to the kernel. */
enum hopscope_verdict {
  HOPSCOPE_REDIRECTED,
  HOPSCOPE_NOT_UDP, /* or cut inside its headers */
  HOPSCOPE_OTHER_PORT,
  HOPSCOPE_FRAGMENT,  /* an IP fragment: the kernel may reassemble it */
  HOPSCOPE_NO_SOCKET, /* a report on a queue that no worker serves */
  HOPSCOPE_VERDICTS
};

/* Read-only data of the program, set before it is loaded. Ports and EtherTypes in network order;
 * unused ones are 0, which is neither. */
struct hopscope_settings {
  unsigned short ports[HOPSCOPE_MAX_PORTS];
  unsigned short ethertypes[HOPSCOPE_MAX_ETHERTYPES];
  unsigned short data_packets; /* all IP packets are taken: the interface is a mirror port */
  unsigned short unused;
};

#ifdef __cplusplus
static_assert(sizeof(hopscope_settings) == 44, "same layout in BPF and C++");
static_assert(HOPSCOPE_VERDICTS == 5, "name every verdict in xdp_program.cpp");
#else
_Static_assert(sizeof(struct hopscope_settings) == 44, "same layout in BPF and C++");
_Static_assert(HOPSCOPE_VERDICTS == 5, "name every verdict in xdp_program.cpp");
#endif

#endif
