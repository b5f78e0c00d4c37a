#pragma once
// The `receive:` and `workers:` sections of the configuration, checked.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace hopscope::io {

enum class SourceKind : std::uint8_t { kAfXdp, kUdp };
enum class ZeroCopy : std::uint8_t { kRequire, kPrefer, kOff };
enum class XdpMode : std::uint8_t { kAuto, kNative, kGeneric };
/// Frames that need several buffers; kAuto receives them if the interface's MTU exceeds one buffer.
enum class MultiBuffer : std::uint8_t { kAuto, kOn, kOff };
/// What a worker does after an empty poll.
enum class IdleStrategy : std::uint8_t {
  kSpin,      ///< poll again at once: lowest latency, uses a whole core
  kAdaptive,  ///< spin 20,000 times, then sleep in poll()
  kPoll,      ///< sleep in poll() at once
};

struct BusyPollOptions {
  bool enabled = false;
  std::uint32_t budget = 64;  ///< frames per poll
  std::uint32_t timeout_us = 20;
};

struct AfXdpOptions {
  std::string interface;
  ZeroCopy zero_copy = ZeroCopy::kPrefer;
  XdpMode mode = XdpMode::kAuto;
  std::uint32_t frames = 4096;       ///< UMEM frames per queue, a power of two, 256 to 1048576
  std::uint32_t frame_bytes = 2048;  ///< 2048 or 4096
  MultiBuffer multi_buffer = MultiBuffer::kAuto;
  bool huge_pages = true;  ///< try 2 MB pages, fall back
  BusyPollOptions busy_poll;
};

inline constexpr std::size_t kMaxReportPorts = 16;  ///< of the XDP program
inline constexpr std::size_t kMaxEthertypes = 4;

/// Which frames the XDP program redirects to the collector; all others are passed to the kernel.
struct Redirect {
  /// UDP destination ports, up to kMaxReportPorts.
  explicit Redirect(std::vector<std::uint16_t> udp_ports) : ports(std::move(udp_ports)) {}

  std::vector<std::uint16_t> ports;
  std::vector<std::uint16_t> ethertypes;  ///< up to kMaxEthertypes
  bool data_packets = false;              ///< every IP packet: the interface is a mirror port
};

struct UdpOptions {
  std::string listen = "::";               ///< address; "::" is IPv4 as well
  std::uint32_t buffers = 4096;            ///< datagrams in flight per worker, a power of two
  std::uint32_t buffer_bytes = 2048;       ///< per datagram, headers included
  std::uint64_t socket_buffer = 64 << 20;  ///< SO_RCVBUF, bytes
  bool shared = false;  ///< several workers listen on the same ports; not a setting
};

struct ReceiveOptions {
  SourceKind source = SourceKind::kAfXdp;
  AfXdpOptions af_xdp;
  UdpOptions udp;
  IdleStrategy idle = IdleStrategy::kAdaptive;
};

/// One worker: its RX queue and the CPU that it is pinned to.
struct WorkerOptions {
  unsigned queue = 0;
  int cpu = -1;  ///< -1: not pinned
};

}  // namespace hopscope::io
