// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The collector's XDP program. It only redirects: UDP frames to a report port, frames of the
// declared EtherTypes and, on a mirror port, all IP packets go to the AF_XDP socket of their RX
// queue; everything else goes on to the kernel.
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include "hopscope_shared.h"

struct vlan_header {
  __be16 tci;
  __be16 protocol;
};

struct fragment_header {
  __u8 next;
  __u8 reserved;
  __be16 offset;
  __be32 id;
};

#define IP_FRAGMENT_MASK 0x3fff /* offset and "more fragments" */
#define NEXT_FRAGMENT 44

struct {
  __uint(type, BPF_MAP_TYPE_XSKMAP);
  __uint(max_entries, HOPSCOPE_MAX_QUEUES);
  __type(key, __u32);
  __type(value, __u32);
} sockets SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, HOPSCOPE_VERDICTS);
  __type(key, __u32);
  __type(value, __u64);
} verdicts SEC(".maps");

const volatile struct hopscope_settings settings;

static __always_inline int pass(enum hopscope_verdict verdict) {
  __u32 key = verdict;
  __u64* count = bpf_map_lookup_elem(&verdicts, &key);

  if (count) (*count)++;
  return XDP_PASS;
}

static __always_inline int is_vlan(__be16 protocol) {
  return protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD);
}

static __always_inline int is_report_port(__be16 port) {
  int i;

  if (!port) return 0;
#pragma unroll
  for (i = 0; i < HOPSCOPE_MAX_PORTS; i++)
    if (settings.ports[i] == port) return 1;
  return 0;
}

static __always_inline int is_own_ethertype(__be16 protocol) {
  int i;

  if (!protocol) return 0;
#pragma unroll
  for (i = 0; i < HOPSCOPE_MAX_ETHERTYPES; i++)
    if (settings.ethertypes[i] == protocol) return 1;
  return 0;
}

static __always_inline int redirect(struct xdp_md* context) {
  __u32 key = HOPSCOPE_REDIRECTED;
  __u64* count;

  /* A queue without a socket: the helper returns the action in its flags. */
  if (bpf_redirect_map(&sockets, context->rx_queue_index, XDP_PASS) == XDP_PASS)
    return pass(HOPSCOPE_NO_SOCKET);
  count = bpf_map_lookup_elem(&verdicts, &key);
  if (count) (*count)++;
  return XDP_REDIRECT;
}

SEC("xdp")
int hopscope_redirect(struct xdp_md* context) {
  void* end = (void*)(long)context->data_end;
  struct ethhdr* ethernet = (void*)(long)context->data;
  struct udphdr* udp;
  __be16 protocol;
  void* at;
  int i;

  if ((void*)(ethernet + 1) > end) return pass(HOPSCOPE_NOT_UDP);
  protocol = ethernet->h_proto;
  at = ethernet + 1;
#pragma unroll
  for (i = 0; i < 2; i++) {
    struct vlan_header* vlan = at;

    if (!is_vlan(protocol)) break;
    if ((void*)(vlan + 1) > end) return pass(HOPSCOPE_NOT_UDP);
    protocol = vlan->protocol;
    at = vlan + 1;
  }

  if (is_own_ethertype(protocol)) return redirect(context);
  if (protocol == bpf_htons(ETH_P_MPLS_UC)) {
    __u8* label = at;

    /* One label; some senders leave its bottom-of-stack bit unset, so what follows tells. */
    if ((void*)(label + 5) > end) return pass(HOPSCOPE_NOT_UDP);
    if (label[4] >> 4 == 4) protocol = bpf_htons(ETH_P_IP);
    if (label[4] >> 4 == 6) protocol = bpf_htons(ETH_P_IPV6);
    at = label + 4;
  }
  if (settings.data_packets &&
      (protocol == bpf_htons(ETH_P_IP) || protocol == bpf_htons(ETH_P_IPV6)))
    return redirect(context);

  if (protocol == bpf_htons(ETH_P_IP)) {
    struct iphdr* ip = at;

    if ((void*)(ip + 1) > end || ip->protocol != IPPROTO_UDP || ip->ihl < 5)
      return pass(HOPSCOPE_NOT_UDP);
    if (ip->frag_off & bpf_htons(IP_FRAGMENT_MASK)) return pass(HOPSCOPE_FRAGMENT);
    udp = at + ip->ihl * 4;
  } else if (protocol == bpf_htons(ETH_P_IPV6)) {
    struct ipv6hdr* ip = at;

    if ((void*)(ip + 1) > end) return pass(HOPSCOPE_NOT_UDP);
    if (ip->nexthdr == NEXT_FRAGMENT) return pass(HOPSCOPE_FRAGMENT);
    if (ip->nexthdr != IPPROTO_UDP) return pass(HOPSCOPE_NOT_UDP);
    udp = (void*)(ip + 1);
  } else {
    return pass(HOPSCOPE_NOT_UDP);
  }
  if ((void*)(udp + 1) > end) return pass(HOPSCOPE_NOT_UDP);
  if (!is_report_port(udp->dest)) return pass(HOPSCOPE_OTHER_PORT);
  return redirect(context);
}

char _license[] SEC("license") = "Dual BSD/GPL";
