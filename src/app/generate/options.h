#pragma once
// The options of `hopscope generate` in numbers, and checks whether they can be met.

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "pipeline/encode/packet.h"
#include "pipeline/report/key.h"
#include "pipeline/report/metadata.h"

namespace hopscope::app {

/// A request that cannot be met; the text is one line for the user.
class GenerateError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class TrafficFormat : std::uint8_t {
  kReport05,       ///< 0.5, NProto 0: INT 0.5 stack with tail
  kReport05Local,  ///< 0.5, NProto 2: one switch's own values
  kReport05Drop,   ///< 0.5, NProto 1
  kReport10,       ///< 1.0: INT 1.0 stack
  kReport10Xd,     ///< 1.0: RepMdBits of one switch, no stack
  kReport20Md,     ///< 2.0, RepType 0: INT-MD 2.1 stack
  kReport20Xd,     ///< 2.0, RepType 1: RepMdBits of one switch, no stack
  kReport20Mx,     ///< 2.0, RepType 1: as XD, the packet has an INT-MX header
};

enum class InnerLayer : std::uint8_t { kAuto, kEthernet, kIp };
enum class SenderChoice : std::uint8_t { kAuto, kLiveFrames, kPacketSocket };

struct TrafficOptions {
  TrafficFormat format = TrafficFormat::kReport10;
  unsigned hops = 6;
  std::vector<pipeline::Field> fields{pipeline::Field::kNodeId,       pipeline::Field::kL1Ports,
                                      pipeline::Field::kHopLatency,   pipeline::Field::kQueue,
                                      pipeline::Field::kIngressTime,  pipeline::Field::kEgressTime,
                                      pipeline::Field::kTxUtilization};
  std::uint32_t flows = 1000;
  bool zipf = false;
  double zipf_exponent = 1.0;
  std::uint32_t switches = 20;
  std::uint64_t rate = 0;             ///< frames per second; 0: as fast as possible
  unsigned reports_per_datagram = 1;  ///< 2.0
  InnerLayer inner = InnerLayer::kAuto;
  std::uint32_t payload_bytes = 16;  ///< of the reported packet

  // Shares, 0 to 1.
  double ipv6 = 0;          ///< of the flows
  double tcp = 0;           ///< of the flows
  double path_changes = 0;  ///< of the reports with a stack
  double loss = 0;          ///< of the sequence numbers
  double congestion = 0;    ///< of the egress ports, at any time
  double drops = 0;         ///< of the frames
  double malformed = 0;     ///< of the frames
  std::uint64_t congestion_period_us = 1000;

  std::uint16_t report_port = 32766;
  std::uint8_t dscp = 0x17;  ///< marks INT in the reported packets
  std::uint32_t source_ports = 16;
  std::uint64_t seed = 1;
  std::uint64_t start_time_ns = 1'750'000'000'000'000'000ULL;  ///< of the first report
  pipeline::encode::MacAddress destination_mac{0x02, 0, 0, 0, 0, 2};
  pipeline::encode::MacAddress source_mac{0x02, 0, 0, 0, 0, 1};
  pipeline::IpAddress destination = pipeline::encode::ipv4(0x0A00'0064);
  std::vector<std::uint16_t> vlans;  ///< outer, 0 to 2
  bool udp_checksum = false;
};

struct GenerateOptions {
  TrafficOptions traffic;
  std::uint64_t count = 0;  ///< frames; 0: until the duration is over
  double duration_s = 0;    ///< 0: until the count is reached
  std::string output;       ///< pcap file
  std::string interface;
  std::string summary;  ///< file; empty: standard output
  SenderChoice sender = SenderChoice::kAuto;
  std::uint32_t templates = 0;  ///< 0: chosen by the number of flows
  bool freeze_times = false;    ///< live: leave the timestamps of the templates as they are
  bool given_start_time = false;
  int cpu = -1;
};

/// Time between two frames in the model: from the rate, or a microsecond.
[[nodiscard]] std::uint64_t spacing_ns(const TrafficOptions& options) noexcept;

[[nodiscard]] TrafficFormat traffic_format_of(const std::string& name);
[[nodiscard]] std::string name_of(TrafficFormat format);
/// "report05|report05-local|...", for --help.
[[nodiscard]] std::string traffic_format_names();
[[nodiscard]] pipeline::Field field_of(const std::string& name);
[[nodiscard]] std::string field_names();

[[nodiscard]] bool has_stack(TrafficFormat format) noexcept;
[[nodiscard]] unsigned report_version(TrafficFormat format) noexcept;

/// Throws GenerateError for what cannot be generated.
void check(const TrafficOptions& options);
void check(const GenerateOptions& options);

}  // namespace hopscope::app
