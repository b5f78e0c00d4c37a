#include "app/generate/generate_command.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>

#include "app/generate/options.h"
#include "app/generate/output.h"
#include "base/setup_error.h"

namespace hopscope::app {
namespace {

constexpr const char* kFooter =
    "The summary is one JSON object: what was sent and what a collector must find in it. Its keys\n"
    "are frames, bytes, reports, hops, kinds, congested_reports, drops_by_reason, malformed (by "
    "the\n"
    "decoder's error), rejected, sequences.keys and .missing, flows, switches, ports, "
    "path_changes\n"
    "and output.\n"
    "\n"
    "With --interface, `output` accounts for the frames: sent = driver_taken + driver_refused,\n"
    "plus frames without a driver to take them. On a veth, driver_refused counts frames that did\n"
    "not fit the other end's ring of 256; `ethtool -S` shows them as\n"
    "tx_queue_*_xdp_xmit_errors on this end, `ip -s link` as TX dropped here and RX dropped "
    "there.\n"
    "Frames that the driver took and the receiver lacks are in the receiver's own counters\n"
    "(rx_queue_*_xdp_drops, XDP_STATISTICS of its sockets).\n"
    "Live frames need a driver that takes redirected frames; a veth does while its other end has "
    "an\n"
    "XDP program or `ethtool -K PEER gro on`. Otherwise, below 50000 frames per second and "
    "without\n"
    "CAP_BPF, a packet socket sends, and output.reason says why.";

/// Arguments as given, where the options keep them as numbers.
struct Arguments {
  std::string format = "report10";
  std::vector<std::string> fields;
  std::string distribution = "uniform";
  std::string inner = "auto";
  std::string sender = "auto";
  std::string destination;
  std::string destination_mac;
  std::string source_mac;
  std::uint64_t start_time_ns = 0;
  unsigned dscp = 0x17;
  GenerateOptions options;
};

std::atomic<bool> stop_requested{false};

void request_stop(int) {
  stop_requested.store(true, std::memory_order_relaxed);
}

pipeline::encode::MacAddress mac_of(const std::string& text, const char* option) {
  std::array<unsigned, 6> parts{};
  char rest = 0;
  if (std::sscanf(text.c_str(), "%2x:%2x:%2x:%2x:%2x:%2x%c", &parts[0], &parts[1], &parts[2],
                  &parts[3], &parts[4], &parts[5], &rest) != 6) {
    throw GenerateError(fmt::format("{} \"{}\" is not like 02:00:00:00:00:01", option, text));
  }
  pipeline::encode::MacAddress mac{};
  for (std::size_t i = 0; i < mac.size(); ++i) mac[i] = static_cast<std::uint8_t>(parts[i]);
  return mac;
}

pipeline::IpAddress address_of(const std::string& text) {
  pipeline::IpAddress address;
  if (::inet_pton(AF_INET, text.c_str(), address.bytes.data()) == 1) {
    address.version = 4;
  } else if (::inet_pton(AF_INET6, text.c_str(), address.bytes.data()) == 1) {
    address.version = 6;
  } else {
    throw GenerateError(
        fmt::format("--destination-address \"{}\" is not an IPv4 or IPv6 address", text));
  }
  return address;
}

GenerateOptions read(const Arguments& arguments) {
  GenerateOptions options = arguments.options;
  TrafficOptions& traffic = options.traffic;
  traffic.format = traffic_format_of(arguments.format);
  if (!arguments.fields.empty()) {
    traffic.fields.clear();
    for (const std::string& name : arguments.fields) traffic.fields.push_back(field_of(name));
  }
  traffic.zipf = arguments.distribution == "zipf";
  traffic.inner = arguments.inner == "ethernet" ? InnerLayer::kEthernet
                  : arguments.inner == "ip"     ? InnerLayer::kIp
                                                : InnerLayer::kAuto;
  options.sender = arguments.sender == "live"     ? SenderChoice::kLiveFrames
                   : arguments.sender == "packet" ? SenderChoice::kPacketSocket
                                                  : SenderChoice::kAuto;
  if (!arguments.destination.empty()) traffic.destination = address_of(arguments.destination);
  if (!arguments.destination_mac.empty()) {
    traffic.destination_mac = mac_of(arguments.destination_mac, "--destination-mac");
  }
  if (!arguments.source_mac.empty()) {
    traffic.source_mac = mac_of(arguments.source_mac, "--source-mac");
  }
  // RFC 8200: over IPv6 a zero checksum is refused by sockets.
  if (traffic.destination.version == 6) traffic.udp_checksum = true;
  options.given_start_time = arguments.start_time_ns != 0;
  if (options.given_start_time) traffic.start_time_ns = arguments.start_time_ns;
  if (arguments.dscp > 63) throw GenerateError("--dscp must be from 0 to 63");
  traffic.dscp = static_cast<std::uint8_t>(arguments.dscp);
  check(options);
  return options;
}

int run(const Arguments& arguments) {
  try {
    const GenerateOptions options = read(arguments);
    struct sigaction action {};
    action.sa_handler = request_stop;  // without SA_RESTART: it must interrupt the sender
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
    const std::string summary = generate(options, stop_requested).dump(2);
    if (options.summary.empty()) {
      std::cout << summary << std::endl;
      return std::cout ? 0 : 1;
    }
    std::ofstream file(options.summary);
    file << summary << std::endl;
    if (!file) throw SetupError(fmt::format("--summary: cannot write {}", options.summary));
    return 0;
  } catch (const GenerateError& error) {
    std::cerr << "hopscope generate: " << error.what() << '\n';
    return 2;
  } catch (const SetupError& error) {
    std::cerr << "hopscope generate: " << error.what() << '\n';
    return 1;
  }
}

void add_traffic_options(CLI::App& command, Arguments& arguments) {
  TrafficOptions& traffic = arguments.options.traffic;
  command
      .add_option("--format", arguments.format,
                  "What the reports are, of: " + traffic_format_names() +
                      ". report05, report10 and report20-md hold an INT stack of all hops; "
                      "-local and -xd are one switch's own report, -mx with an INT-MX header in "
                      "the packet; -drop reports lost packets")
      ->capture_default_str();
  command.add_option("--hops", traffic.hops, "Hops of each packet, 1 to 16")->capture_default_str();
  command
      .add_option("--fields", arguments.fields,
                  "What each hop reports, of: " + field_names() +
                      ". Without it node_id, ports, latency, queue, both times, tx_utilization")
      ->delimiter(',');
  command.add_option("--flows", traffic.flows, "Number of flows")->capture_default_str();
  command.add_option("--distribution", arguments.distribution, "Of the reports among the flows")
      ->check(CLI::IsMember({"uniform", "zipf"}))
      ->capture_default_str();
  command.add_option("--zipf-exponent", traffic.zipf_exponent, "1: flow n gets 1/n of flow 1")
      ->capture_default_str();
  command.add_option("--switches", traffic.switches, "Switches of the network, --hops to 4096")
      ->capture_default_str();
  command.add_option("--payload", traffic.payload_bytes, "Payload bytes of each reported packet")
      ->capture_default_str();
  command.add_option("--inner", arguments.inner, "First header of the reported packets")
      ->check(CLI::IsMember({"auto", "ethernet", "ip"}))
      ->capture_default_str();
  command
      .add_option("--reports-per-datagram", traffic.reports_per_datagram,
                  "report20 only, 1 to 8; --count counts datagrams")
      ->capture_default_str();
  command.add_option("--seed", traffic.seed, "The same seed makes the same traffic")
      ->capture_default_str();
}

void add_share_options(CLI::App& command, Arguments& arguments) {
  TrafficOptions& traffic = arguments.options.traffic;
  const auto add = [&](const char* name, double& share, const char* what) {
    command.add_option(name, share, what)->capture_default_str()->group("Shares, 0 to 1");
  };
  add("--ipv6", traffic.ipv6, "Of the flows: IPv6");
  add("--tcp", traffic.tcp, "Of the flows: TCP, else UDP");
  add("--path-changes", traffic.path_changes, "Of the stacks: the flow takes another path");
  add("--loss", traffic.loss, "Of the sequence numbers: skipped, as if the report was lost");
  add("--congestion", traffic.congestion,
      "Of the ports at any time: queue, latency and utilisation ramp up and down, Q bit");
  add("--drops", traffic.drops, "Of the frames: drop reports");
  add("--malformed", traffic.malformed,
      "Of the frames: truncated, or with wrong lengths or versions");
  command
      .add_option("--congestion-period", traffic.congestion_period_us,
                  "Length of a congestion episode in microseconds of report time")
      ->capture_default_str();
}

void add_header_options(CLI::App& command, Arguments& arguments) {
  TrafficOptions& traffic = arguments.options.traffic;
  command.add_option("--report-port", traffic.report_port, "Destination UDP port of the reports")
      ->capture_default_str();
  command.add_option("--dscp", arguments.dscp, "DSCP that marks INT in the reported packets")
      ->capture_default_str();
  command.add_option("--source-ports", traffic.source_ports, "Different outer UDP source ports")
      ->capture_default_str();
  command.add_option("--destination-address", arguments.destination,
                     "Outer destination, IPv4 or IPv6; 10.0.0.100 without it");
  command.add_option("--destination-mac", arguments.destination_mac,
                     "02:00:00:00:00:02 without it");
  command.add_option("--source-mac", arguments.source_mac, "02:00:00:00:00:01 without it");
  command.add_option("--vlan", traffic.vlans, "Outer VLAN id; twice for two tags");
  command.add_flag("--udp-checksum", traffic.udp_checksum,
                   "Fill in the outer UDP checksum (always done for IPv6)");
  command
      .add_option("--start-time", arguments.start_time_ns,
                  "Time of the first report in ns since 1970; for an interface, now")
      ->check(CLI::PositiveNumber);
}

void add_output_options(CLI::App& command, Arguments& arguments) {
  GenerateOptions& options = arguments.options;
  command.add_option("--count", options.count, "Frames; reports that --loss skips are not counted");
  command.add_option("--duration", options.duration_s, "Seconds");
  command
      .add_option("--rate", options.traffic.rate,
                  "Frames per second; 0: as fast as possible, a microsecond apart in files")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_option("--output", options.output, "Write a pcap file with nanosecond times");
  command.add_option("--interface", options.interface, "Send out of this interface");
  command
      .add_option("--sender", arguments.sender,
                  "For --interface: live frames of BPF_PROG_RUN, or a packet socket")
      ->check(CLI::IsMember({"auto", "live", "packet"}))
      ->capture_default_str();
  command.add_option("--templates", options.templates,
                     "For --interface: frames that are sent in turn, with new numbers and times; "
                     "without it 4 per flow, 4096 to 262144");
  command.add_flag("--freeze-times", options.freeze_times,
                   "For --interface: leave the timestamps as they are");
  command.add_option("--cpu", options.cpu, "For --interface: run on this CPU");
  command.add_option("--summary", options.summary, "Write the summary here instead of to stdout");
}

}  // namespace

void add_generate_command(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand(
      "generate", "Generate INT report traffic into a pcap file or out of an interface");
  const auto arguments = std::make_shared<Arguments>();
  add_traffic_options(*command, *arguments);
  add_share_options(*command, *arguments);
  add_header_options(*command, *arguments);
  add_output_options(*command, *arguments);
  command->footer(kFooter);
  command->callback([arguments, &status] { status = run(*arguments); });
}

}  // namespace hopscope::app
