#pragma once
// An independent reader for tests: reads well-formed reports of the formats with a stack, written
// from the specifications without any of the project's code. Understands what
// `hopscope generate` makes by default: IPv4 outside, no options, INT marked by DSCP. Anything else
// is not read.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace hopscope::test {

struct PlainReport {
  std::uint64_t sequence_key = 0;  ///< source address, hw_id
  std::uint32_t sequence = 0;
  bool congested = false;
  bool dropped = false;
  std::string flow;                     ///< bytes of the 5-tuple
  std::vector<std::uint32_t> node_ids;  ///< [0] nearest to the sink
};

class PlainReader {
 public:
  /// False when the frame is not one that this reader knows.
  [[nodiscard]] bool read(const std::vector<std::uint8_t>& frame, PlainReport& report) {
    bytes_ = &frame;
    ok_ = true;
    report = {};
    const std::size_t ip = 14;
    ok_ = u16(12) == 0x0800 && u8(ip) == 0x45 && u8(ip + 9) == 17 &&
          u16(ip + 2) + ip == frame.size() && u16(ip + 24) + ip + 20 == frame.size();
    const std::size_t payload = ip + 28;
    if (ok_) {
      switch (u8(payload) >> 4) {
        case 0:
          read_05(payload, report);
          break;
        case 1:
          read_10(payload, report);
          break;
        case 2:
          read_20(payload, report);
          break;
        default:
          ok_ = false;
      }
    }
    report.sequence_key |= static_cast<std::uint64_t>(u32(ip + 12)) << 8;
    return ok_;
  }

 private:
  std::uint32_t u8(std::size_t at) {
    if (at >= bytes_->size()) {
      ok_ = false;
      return 0;
    }
    return (*bytes_)[at];
  }
  std::uint32_t u16(std::size_t at) { return u8(at) << 8 | u8(at + 1); }
  std::uint32_t u32(std::size_t at) { return u16(at) << 16 | u16(at + 2); }

  void read_05(std::size_t at, PlainReport& report) {
    const std::uint32_t nproto = u8(at) & 0xF;
    ok_ = ok_ && nproto <= 2;
    report.dropped = (u8(at + 1) & 0x80) != 0;
    report.congested = (u8(at + 1) & 0x40) != 0;
    report.sequence_key = u8(at + 3) & 0x3F;
    report.sequence = u32(at + 4);
    read_packet(at + 12 + (nproto == 0 ? 0 : nproto == 1 ? 12 : 16) + 14, report);
  }

  void read_10(std::size_t at, PlainReport& report) {
    const std::uint32_t word = u32(at);
    ok_ = ok_ && (word >> 24 & 0xF) >= 4 && (word >> 21 & 7) <= 2;
    report.dropped = (word & 0x100) != 0;
    report.congested = (word & 0x80) != 0;
    report.sequence_key = word & 0x3F;
    report.sequence = u32(at + 8);
    const bool ethernet = (word >> 21 & 7) == 0;
    read_packet(at + 4 * (word >> 24 & 0xF) + (ethernet ? 14 : 0), report);
  }

  void read_20(std::size_t at, PlainReport& report) {
    report.sequence_key = u32(at) >> 22 & 0x3F;
    report.sequence = u32(at) & 0x3F'FFFF;
    const std::uint32_t word = u32(at + 8);
    report.dropped = (word & 0x80) != 0;
    report.congested = (word & 0x40) != 0;
    const std::uint32_t type = word >> 24 & 0xF;
    ok_ = ok_ && type >= 3 && type <= 5;
    const std::size_t metadata = word >> 28 == 0 ? 0 : 8 + 4 * (word >> 8 & 0xFF);
    read_packet(at + 12 + metadata + (type == 3 ? 14 : 0), report);
  }

  void read_packet(std::size_t ip, PlainReport& report) {
    const bool is_ipv4 = u8(ip) >> 4 == 4;
    const std::uint32_t traffic_class = is_ipv4 ? u8(ip + 1) : u16(ip) >> 4 & 0xFF;
    const std::uint32_t protocol = u8(ip + (is_ipv4 ? 9 : 6));
    const std::size_t l4 = ip + (is_ipv4 ? 20 : 40);
    static_cast<void>(u8(l4 + 7));
    if (!ok_) return;
    const std::size_t addresses = ip + (is_ipv4 ? 12 : 8);
    report.flow.assign(bytes_->begin() + static_cast<std::ptrdiff_t>(addresses),
                       bytes_->begin() + static_cast<std::ptrdiff_t>(l4 + 4));
    report.flow += static_cast<char>(protocol);
    if (traffic_class >> 2 == 0x17) read_stack(l4 + (protocol == 6 ? 20 : 8), report);
  }

  void read_stack(std::size_t shim, PlainReport& report) {
    std::size_t words = 0;
    std::size_t hop_words = 0;
    std::size_t stack = shim + 12;
    if (u8(shim) >> 4 == 3) return;  // MX: instructions only
    if (u8(shim) >> 4 == 1) {
      words = u8(shim + 1) - 3;  // 2.x: 12 bytes of header, the shim not counted
      hop_words = u8(shim + 6) & 0x1F;
      stack = shim + 16;
    } else if (u8(shim) == 1 && u8(shim + 4) >> 4 == 1) {
      words = u8(shim + 2) - 3;
      hop_words = u8(shim + 6) & 0x1F;
    } else if (u8(shim) == 1) {
      words = u8(shim + 2) - 4;
      hop_words = u8(shim + 5) & 0x1F;
    }
    ok_ = ok_ && hop_words != 0 && words < 256 && words % hop_words == 0;
    if (!ok_) return;
    for (std::size_t i = 0; i < words; i += hop_words) {
      report.node_ids.push_back(u32(stack + 4 * i));
    }
  }

  const std::vector<std::uint8_t>* bytes_ = nullptr;
  bool ok_ = true;
};

/// Counts reports as a collector would.
struct PlainTally {
  std::uint64_t frames = 0;
  std::uint64_t unread = 0;
  std::uint64_t bytes = 0;
  std::uint64_t hops = 0;
  std::uint64_t congested = 0;
  std::uint64_t drops = 0;
  std::uint64_t missing = 0;
  std::uint64_t disorder = 0;  ///< numbers that do not go up
  std::uint64_t path_changes = 0;
  std::set<std::string> flows;
  std::map<std::uint64_t, std::uint32_t> sequence;
  std::map<std::string, std::vector<std::uint32_t>> path;

  void add(const std::vector<std::uint8_t>& frame) {
    ++frames;
    bytes += frame.size();
    PlainReport report;
    if (!PlainReader().read(frame, report)) {
      ++unread;
      return;
    }
    congested += report.congested ? 1 : 0;
    drops += report.dropped ? 1 : 0;
    hops += report.node_ids.size();
    flows.insert(report.flow);
    const auto [last, is_first] = sequence.try_emplace(report.sequence_key, report.sequence);
    if (!is_first) {
      if (report.sequence <= last->second) ++disorder;
      missing += report.sequence - last->second - 1;
      last->second = report.sequence;
    }
    if (report.node_ids.empty()) return;
    const auto [taken, is_new] = path.try_emplace(report.flow, report.node_ids);
    if (!is_new && taken->second != report.node_ids) {
      ++path_changes;
      taken->second = report.node_ids;
    }
  }
};

}  // namespace hopscope::test
