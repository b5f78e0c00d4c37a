#include "support/reference_decoder.h"

#include <algorithm>
#include <bit>
#include <set>

namespace hopscope::test::reference {
namespace {

const std::set<std::uint64_t> kVlan{0x8100, 0x88A8, 0x9100};
constexpr std::uint64_t kIpv4 = 0x0800;
constexpr std::uint64_t kIpv6 = 0x86DD;
constexpr std::uint64_t kBridged = 0x6558;

struct Wrong : std::runtime_error {
  explicit Wrong(const char* label) : std::runtime_error(label) {}
};

std::string text(const Bytes& bytes) {
  std::string all;
  for (const std::uint8_t byte : bytes) all += std::to_string(byte) + ".";
  return all;
}

struct Ip {
  unsigned version = 4;
  std::string source, destination;
  std::uint64_t protocol = 0, dscp = 0;
  std::size_t length = 0;  ///< stated
  std::size_t header = 0;  ///< bytes before the payload
  bool fragment = false, later = false;
  Bytes payload;
};

/// Throws Cut, or Wrong("ip").
Ip read_ip(const Bytes& bytes, unsigned version) {
  Cursor in(bytes);
  Ip ip;
  ip.version = version;
  if (version == 4) {
    if (in.left() < 20) throw Cut();
    const std::uint64_t first = in.peek(0, 1);
    if (first >> 4 != 4 || (first & 15) < 5) throw Wrong("ip");
    const std::size_t header = (first & 15) * 4;
    ip.dscp = in.peek(1, 1) >> 2;
    ip.length = in.peek(2, 2);
    const std::uint64_t fragment = in.peek(6, 2);
    ip.later = (fragment & 0x1FFF) != 0;
    ip.fragment = (fragment & 0x3FFF) != 0;
    ip.protocol = in.peek(9, 1);
    Cursor addresses(bytes);
    addresses.skip(12);
    ip.source = text(addresses.take_bytes(4));
    ip.destination = text(addresses.take_bytes(4));
    in.skip(header);
    ip.header = header;
    ip.payload = in.rest();
    return ip;
  }
  if (in.left() < 40) throw Cut();
  if (in.peek(0, 1) >> 4 != 6) throw Wrong("ip");
  ip.dscp = (in.peek(0, 2) >> 6) & 63;
  ip.length = 40 + in.peek(4, 2);
  std::uint64_t next = in.peek(6, 1);
  in.skip(8);
  ip.source = text(in.take_bytes(16));
  ip.destination = text(in.take_bytes(16));
  ip.header = 40;
  const std::set<std::uint64_t> extensions{0, 43, 44, 51, 60};
  for (int i = 0; i < 8 && extensions.contains(next) && !ip.later; ++i) {
    if (in.left() < 8) throw Cut();
    std::size_t length = (in.peek(1, 1) + 1) * 8;
    if (next == 51) length = (in.peek(1, 1) + 2) * 4;
    if (next == 44) {
      length = 8;
      ip.fragment = true;
      ip.later = (in.peek(2, 2) >> 3) != 0;
    }
    next = in.peek(0, 1);
    in.skip(length);
    ip.header += length;
  }
  ip.protocol = next;
  ip.payload = in.rest();
  return ip;
}

/// Behind Ethernet and up to `most` tags; throws Cut.
std::uint64_t skip_ethernet(Cursor& in, int most) {
  in.skip(12);
  std::uint64_t type = in.take(2);
  for (int i = 0; i < most && kVlan.contains(type); ++i) {
    in.skip(2);
    type = in.take(2);
  }
  return type;
}

/// Stores a value under `name` unless its word is all ones.
void put_word(Values& to, std::uint64_t word, const char* name) {
  if (word != 0xFFFFFFFF) to[name] = word;
}
void put_halves(Values& to, std::uint64_t word, unsigned low_bits, const char* high,
                const char* low) {
  if (word == 0xFFFFFFFF) return;
  to[high] = word >> low_bits;
  to[low] = word & ((std::uint64_t{1} << low_bits) - 1);
}
void put_long(Values& to, std::uint64_t value, const char* name) {
  if (value != ~std::uint64_t{0}) to[name] = value;
}

enum class Stack { k05, k10, kGeant, k2x };

bool has(std::uint64_t bitmap, unsigned instruction) {
  return ((bitmap >> (15 - instruction)) & 1) != 0;
}

/// Words of the bitmap's instructions.
unsigned words_of(std::uint64_t bitmap, Stack stack) {
  unsigned words = 0;
  for (unsigned i = 0; i < 16; ++i) {
    if (!has(bitmap, i)) continue;
    const bool time = i == 4 || i == 5;
    const bool twice = (time && (stack == Stack::k2x || stack == Stack::kGeant)) ||
                       (i == 6 && (stack == Stack::k10 || stack == Stack::k2x));
    words += twice ? 2 : 1;
  }
  return words;
}

Values read_hop(Cursor in, std::uint64_t bitmap, Stack stack) {
  Values hop;
  const std::size_t bytes = in.left();
  const std::uint64_t last = bytes >= 4 ? in.peek(bytes - 4, 4) : 0;
  const bool wide = stack == Stack::k2x || stack == Stack::kGeant;
  for (unsigned i = 0; i < 16; ++i) {
    if (!has(bitmap, i)) continue;
    if (i == 15 && stack != Stack::k05) {
      put_word(hop, last, "checksum_complement");
      continue;
    }
    if ((i == 4 || i == 5) && wide) {
      put_long(hop, in.take(8), i == 4 ? "ingress_time" : "egress_time");
      continue;
    }
    if (i == 6 && (stack == Stack::k10 || stack == Stack::k2x)) {
      const std::uint64_t both = in.take(8);
      if (both == ~std::uint64_t{0}) continue;
      hop["l2_ingress"] = both >> 32;
      hop["l2_egress"] = both & 0xFFFFFFFF;
      continue;
    }
    const std::uint64_t word = in.take(4);
    if (i == 0) put_word(hop, word, "node_id");
    if (i == 1) put_halves(hop, word, 16, "l1_ingress", "l1_egress");
    if (i == 2) put_word(hop, word, "latency");
    if (i == 3) put_halves(hop, word, 24, "queue_id", "occupancy");
    if (i == 4) put_word(hop, word, "ingress_time");
    if (i == 5) put_word(hop, word, "egress_time");
    if (i == 6 && stack == Stack::k05) put_halves(hop, word, 24, "congestion_queue", "congestion");
    if (i == 6 && stack == Stack::kGeant) put_halves(hop, word, 16, "l2_ingress", "l2_egress");
    if (i == 7) put_word(hop, word, "tx");
    if (i == 8 && stack == Stack::k2x) put_halves(hop, word, 24, "buffer_id", "buffer");
  }
  return hop;
}

/// Divides `room` words of stack into hops; the error, or "none".
std::string read_hops(Cursor in, std::size_t room, unsigned hop_words, std::uint64_t bitmap,
                      Stack stack, Found& found) {
  if (hop_words == 0) return room == 0 ? "none" : "bad_hop_ml";
  const std::size_t here = std::min(room, in.left() / 4);
  for (std::size_t i = 0; i < here / hop_words; ++i) {
    found.hops.push_back(
        read_hop(Cursor(in.take_bytes(std::size_t{hop_words} * 4)), bitmap, stack));
  }
  if (here < room) return "stack_truncated";
  return room % hop_words == 0 ? "none" : "stack_not_multiple";
}

enum class Carrier { kL4, kGpe, kGre };

/// What the INT headers state about the original packet.
struct Behind {
  std::optional<std::uint64_t> port;      ///< original destination port
  std::optional<std::uint64_t> protocol;  ///< NPT 2
  std::optional<Bytes> bytes;             ///< after the stack; empty where the packet ends before
};

std::string read_stack05(Cursor in, std::size_t room, std::uint64_t bitmap, Found& found) {
  const std::uint64_t count = in.peek(1, 1) & 31;
  const std::uint64_t total = in.peek(3, 1);
  found.int_version = "0.5";
  if (count != static_cast<std::uint64_t>(std::popcount(bitmap))) return "hop_ml_mismatch";
  in.skip(8);
  const std::string error =
      read_hops(in, room, static_cast<unsigned>(count), bitmap, Stack::k05, found);
  if (error != "none") return error;
  return total * count == room ? "none" : "hop_count_mismatch";
}

std::string read_stack10(Cursor in, std::size_t room, std::uint64_t bitmap, Found& found) {
  const auto hop_ml = static_cast<unsigned>(in.peek(2, 1) & 31);
  found.int_version = "1.0";
  if (hop_ml == 0) return room == 0 ? "none" : "bad_hop_ml";
  in.skip(8);
  if (hop_ml == words_of(bitmap, Stack::k10)) {
    return read_hops(in, room, hop_ml, bitmap, Stack::k10, found);
  }
  if (hop_ml != words_of(bitmap, Stack::kGeant)) return "hop_ml_mismatch";
  return read_hops(in, room, hop_ml, bitmap, Stack::kGeant, found);
}

std::string read_stack2x(Cursor in, std::size_t room, std::uint64_t bitmap, Found& found) {
  const auto hop_ml = static_cast<unsigned>(in.peek(2, 1) & 31);
  found.int_version = "2.x";
  if (hop_ml == 0) return room == 0 ? "none" : "bad_hop_ml";
  if (hop_ml < words_of(bitmap, Stack::k2x)) return "hop_ml_mismatch";
  in.skip(12);
  return read_hops(in, room, hop_ml, bitmap, Stack::k2x, found);
}

const std::set<std::string> kNoInt{"bad_shim_length", "bad_hop_ml", "hop_ml_mismatch", "not_int"};

/// A shim at the front of `bytes`.
std::string read_int(const Bytes& bytes, Carrier carrier, Found& found, Behind& behind) {
  Cursor in(bytes);
  if (in.left() < 4) return "not_int";
  std::string error;
  if (in.peek(0, 1) >> 4 == 0) {
    if (in.left() < 12) return "not_int";
    const std::uint64_t type = in.peek(0, 1);
    const std::uint64_t length = in.peek(2, 1);
    if (length * 4 <= bytes.size()) {
      Cursor after(bytes);
      after.skip(length * 4);
      behind.bytes = after.rest();
    }
    const std::uint64_t bitmap = in.peek(8, 2);
    const bool is_05 = in.peek(4, 1) >> 4 == 0 && (in.peek(5, 1) & 31) != 0;
    if (type < 1 || type > 3 || in.peek(4, 1) >> 4 > 1 || bitmap == 0) return "not_int";
    if (type == 3 && !is_05) return "not_int";  // host-int's own shim, of 0.5 only
    if (length < 3) return "bad_shim_length";
    if (type == 2) return "none";  // a destination header is no stack
    Cursor header(bytes);
    header.skip(4);
    if (!is_05) {
      error = read_stack10(header, length - 3, bitmap, found);
    } else {
      const bool has_tail = carrier == Carrier::kL4;
      if (has_tail && length < 4) return "bad_shim_length";
      const std::size_t room = length - (has_tail ? 4 : 3);
      error = read_stack05(header, room, bitmap, found);
      const std::size_t tail = 12 + room * 4;
      if (has_tail && type != 3 && in.left() >= tail + 4) {
        const std::uint64_t port = in.peek(tail + 1, 2);
        if (port != 0) behind.port = port;
      }
    }
  } else {
    const std::uint64_t type = in.peek(0, 1) >> 4;
    const std::uint64_t npt = carrier == Carrier::kL4 ? (in.peek(0, 1) >> 2) & 3 : 0;
    if (type > 3 || npt > 2 || in.left() < 16 || in.peek(4, 1) >> 4 != 2) return "not_int";
    const std::uint64_t length = in.peek(1, 1);
    if (length < 3) return "bad_shim_length";
    if (bytes.size() >= 4 + length * 4) {
      Cursor after(bytes);
      after.skip(4 + length * 4);
      behind.bytes = after.rest();
    }
    if (type == 2) return "none";
    const std::uint64_t bitmap = in.peek(8, 2);
    Cursor header(bytes);
    header.skip(4);
    if (type == 3) {
      found.int_version = "mx";
      error = header.left() - 12 < (length - 3) * 4 ? "stack_truncated" : "none";
    } else {
      error = read_stack2x(header, length - 3, bitmap, found);
    }
    if (npt == 1) behind.port = in.peek(2, 2);
    if (npt == 2) behind.protocol = in.peek(3, 1);
  }
  if (kNoInt.contains(error)) {
    found.int_version.clear();
    found.hops.clear();
    behind.port.reset();
    behind.protocol.reset();
  }
  return error;
}

std::string flow_text(const Ip& ip, std::uint64_t protocol, std::uint64_t source,
                      std::uint64_t destination) {
  return ip.source + ip.destination + std::to_string(protocol) + " " + std::to_string(source) +
         " " + std::to_string(destination);
}

/// Bytes of the L4 header; 0: it is cut or impossible.
std::size_t l4_header(const Bytes& bytes, std::uint64_t protocol) {
  if (protocol == 17) return bytes.size() >= 8 ? 8 : 0;
  if (bytes.size() < 20) return 0;
  const std::size_t length = std::size_t{bytes[12]} / 16 * 4;
  return length >= 20 ? length : 0;
}

/// The flow inside a tunnel, if it is visible.
void read_tunnelled(const Bytes& bytes, std::uint64_t type, Found& found) {
  try {
    Cursor in(bytes);
    if (type == kBridged) type = skip_ethernet(in, 4);
    if (type != kIpv4 && type != kIpv6) return;
    const Ip ip = read_ip(in.rest(), type == kIpv4 ? 4 : 6);
    const bool has_ports = ip.protocol == 6 || ip.protocol == 17;
    if (ip.later || (has_ports && ip.payload.size() < 4)) return;
    const Cursor l4(ip.payload);
    found.flow =
        flow_text(ip, ip.protocol, has_ports ? l4.peek(0, 2) : 0, has_ports ? l4.peek(2, 2) : 0);
  } catch (const std::runtime_error&) {
  }
}

/// Whether a valid INT header is at `bytes`; then `error` is its error.
bool try_l4(const Bytes& bytes, const Ip& ip, std::uint64_t source, std::uint64_t destination,
            Found& found, std::string& error) {
  Behind behind;
  error = read_int(bytes, Carrier::kL4, found, behind);
  if (error == "not_int") return false;
  if (behind.port) found.flow = flow_text(ip, ip.protocol, source, *behind.port);
  if (behind.protocol && behind.bytes) {
    const std::uint64_t protocol = *behind.protocol;
    const bool has_ports = protocol == 6 || protocol == 17;
    if (!has_ports) {
      found.flow = flow_text(ip, protocol, 0, 0);
    } else if (l4_header(*behind.bytes, protocol) != 0) {
      const Cursor l4(*behind.bytes);
      found.flow = flow_text(ip, protocol, l4.peek(0, 2), l4.peek(2, 2));
    }
  }
  (void)destination;
  return true;
}

Bytes from(const Bytes& bytes, std::size_t at) {
  return at >= bytes.size() ? Bytes{}
                            : Bytes(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end());
}

std::string read_geneve(const Bytes& payload, Found& found) {
  const Cursor in(payload);
  if (payload.size() < 8) return "";
  const std::size_t end = 8 + (in.peek(0, 1) & 0x3F) * 4;
  for (std::size_t at = 8; at < end && at + 4 <= payload.size();) {
    const std::size_t words = in.peek(at + 3, 1) & 31;
    const std::size_t next = at + 4 + words * 4;
    if (in.peek(at, 2) != 0x0103) {
      at = next;
      continue;
    }
    const Bytes data = from(payload, at + 4);
    const Cursor option(data);
    const std::uint64_t type = in.peek(at + 2, 1) & 0x7F;
    std::string error = "not_int";
    if (data.size() >= 8 && words >= 2 && type == 2) {
      error = "none";
    } else if (data.size() >= 8 && words >= 2) {
      const std::uint64_t version = option.peek(0, 1) >> 4;
      const std::uint64_t bitmap = option.peek(4, 2);
      if (version == 2) {
        if (data.size() >= 12 && words >= 3 && type == 3) {
          found.int_version = "mx";
          error = data.size() - 12 < (words - 3) * 4 ? "stack_truncated" : "none";
        } else if (data.size() >= 12 && words >= 3) {
          error = read_stack2x(option, words - 3, bitmap, found);
        }
      } else if (version <= 1 && bitmap != 0) {
        const bool is_05 = version == 0 && (option.peek(1, 1) & 31) != 0;
        error = is_05 ? read_stack05(option, words - 2, bitmap, found)
                      : read_stack10(option, words - 2, bitmap, found);
      }
    }
    if (kNoInt.contains(error)) {
      found.int_version.clear();
      found.hops.clear();
    }
    const Bytes behind = from(payload, std::max(next, end));
    if (!behind.empty()) read_tunnelled(behind, in.peek(2, 2), found);
    return error;
  }
  return "";
}

std::string read_packet_l4(const Ip& ip, bool may_have_int, const Settings& settings,
                           Found& found) {
  if (ip.protocol == 47) {
    found.flow = flow_text(ip, 47, 0, 0);
    const Cursor gre(ip.payload);
    if (!may_have_int || ip.payload.size() < 4) return "none";
    const std::uint64_t flags = gre.peek(0, 2);
    std::size_t length = 4;
    if ((flags & 0x8000) != 0 || (flags & 0x4000) != 0) length += 4;
    if ((flags & 0x2000) != 0) length += 4;
    if ((flags & 0x1000) != 0) length += 4;
    const Bytes shim = from(ip.payload, length);
    if (settings.gre != gre.peek(2, 2) || shim.empty()) return "none";
    Behind behind;
    const std::string error = read_int(shim, Carrier::kGre, found, behind);
    if (behind.bytes) read_tunnelled(*behind.bytes, Cursor(shim).peek(2, 2), found);
    return error;
  }
  if (ip.protocol != 6 && ip.protocol != 17) {
    found.flow = flow_text(ip, ip.protocol, 0, 0);
    return "none";
  }
  const std::size_t header = l4_header(ip.payload, ip.protocol);
  if (header == 0) return "short_inner";
  const Cursor l4(ip.payload);
  const std::uint64_t source = l4.peek(0, 2);
  const std::uint64_t destination = l4.peek(2, 2);
  found.flow = flow_text(ip, ip.protocol, source, destination);
  if (!may_have_int) return "none";
  const bool tcp = ip.protocol == 6;
  const Bytes payload = from(ip.payload, tcp && settings.before_tcp_options ? 20 : header);
  if (!tcp && destination == 4790 && payload.size() > 8 &&
      (payload[3] == 0x08 || payload[3] == 0x82)) {
    Behind behind;
    const Bytes shim = from(payload, 8);
    const std::string error = read_int(shim, Carrier::kGpe, found, behind);
    if (behind.bytes) {
      const std::map<std::uint64_t, std::uint64_t> types{{1, kIpv4}, {2, kIpv6}, {3, kBridged}};
      const auto type = types.find(Cursor(shim).peek(3, 1));
      if (type != types.end()) read_tunnelled(*behind.bytes, type->second, found);
    }
    return error;
  }
  if (!tcp && destination == 6081) {
    const std::string error = read_geneve(payload, found);
    if (!error.empty()) return error;
  }
  std::string error = "none";
  if (settings.marker && payload.size() >= 8 && Cursor(payload).peek(0, 8) == *settings.marker &&
      try_l4(from(payload, 8), ip, source, destination, found, error)) {
    return error;
  }
  const bool is_05 = payload.size() >= 12 && payload[0] >> 4 == 0 && payload[4] >> 4 == 0 &&
                     (payload[5] & 31) != 0;
  if (settings.int_port && (!tcp || is_05) && destination == *settings.int_port &&
      try_l4(payload, ip, source, destination, found, error)) {
    return error;
  }
  if (settings.dscp && (ip.dscp & settings.dscp_mask) == (*settings.dscp & settings.dscp_mask)) {
    (void)try_l4(payload, ip, source, destination, found, error);
  }
  return error;
}

enum class Start { kAtEthernet, kAtIpv4, kAtIpv6 };

std::string read_packet(const Bytes& bytes, Start start, bool may_have_int,
                        const Settings& settings, Found& found) {
  try {
    Cursor in(bytes);
    std::uint64_t type = start == Start::kAtIpv4 ? kIpv4 : kIpv6;
    if (start == Start::kAtEthernet) type = skip_ethernet(in, 4);
    if (type != kIpv4 && type != kIpv6) return "none";
    const Ip ip = read_ip(in.rest(), type == kIpv4 ? 4 : 6);
    if (ip.later) return "none";
    return read_packet_l4(ip, may_have_int, settings, found);
  } catch (const Cut&) {
    return "short_inner";
  } catch (const Wrong&) {
    return "bad_inner_ip";
  }
}

Found refusal(const char* label) {
  Found found;
  found.error = label;
  found.rejected = true;
  return found;
}

/// An IPv4 header without options and with a right checksum.
bool is_right_ipv4(const Cursor& in) {
  if (in.peek(0, 1) != 0x45) return false;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < 20; i += 2) sum += in.peek(i, 2);
  while (sum > 0xFFFF) sum = (sum & 0xFFFF) + (sum >> 16);
  return sum == 0xFFFF;
}

Found report05(const Bytes& payload, const Settings& settings) {
  Cursor in(payload);
  if (in.left() < 12) return refusal("short_report_header");
  Found found;
  const std::uint64_t nproto = in.peek(0, 1) & 15;
  const std::uint64_t flags = in.peek(1, 1);
  found.values = {{"dropped", flags >> 7},       {"congested", (flags >> 6) & 1},
                  {"tracked", (flags >> 5) & 1}, {"hw_id", in.peek(3, 1) & 63},
                  {"sequence", in.peek(4, 4)},   {"report_time", in.peek(8, 4)}};
  in.skip(12);
  Start start = Start::kAtEthernet;
  try {
    if (nproto == 1) {
      if (in.left() < 12) throw Cut();
      found.values["node"] = in.take(4);
      put_halves(found.values, in.take(4), 16, "l1_ingress", "l1_egress");
      const std::uint64_t why = in.take(4);
      if (why != 0xFFFF'FFFF) {
        found.values["drop_queue"] = why >> 24;
        found.values["drop_reason"] = (why >> 16) & 0xFF;
      }
    } else if (nproto == 2) {
      if (in.left() < 16) throw Cut();
      found.values["node"] = in.take(4);
      put_halves(found.values, in.take(4), 16, "l1_ingress", "l1_egress");
      put_halves(found.values, in.take(4), 24, "queue_id", "occupancy");
      put_word(found.values, in.take(4), "egress_time");
    } else if (nproto == 3) {
      if (in.left() < 24) throw Cut();
      found.values["node"] = in.peek(4, 4);
      put_halves(found.values, in.peek(8, 4), 16, "l1_ingress", "l1_egress");
      in.skip(24);
      start = Start::kAtIpv4;
    } else if (nproto == 4) {
      start = Start::kAtIpv4;
      if (in.left() >= 24 && in.peek(4, 1) == 0x45 && !is_right_ipv4(in)) {
        found.values["node"] = in.take(4);
      }
    } else if (nproto > 4) {
      found.error = "unknown_nproto";
      return found;
    }
  } catch (const Cut&) {
    return refusal("short_report_header");
  }
  found.error = read_packet(in.rest(), start, found.values["tracked"] != 0, settings, found);
  return found;
}

Found report10(const Bytes& payload, const Settings& settings) {
  Cursor in(payload);
  if (in.left() < 16) return refusal("short_report_header");
  const std::uint64_t first = in.peek(0, 4);
  const std::uint64_t length = (first >> 24) & 15;
  const std::uint64_t nproto = (first >> 21) & 7;
  const std::uint64_t bits = (first >> 15) & 63;
  if (length < 4 + static_cast<std::uint64_t>(std::popcount(bits))) {
    return refusal("bad_report_length");
  }
  if (length * 4 > payload.size()) return refusal("short_report_header");
  // D, Q, F at bits 23 to 25; or at 17 to 19, where the bits have no other meaning.
  const bool shifted = ((first >> 12) & 7) != 0 && ((first >> 6) & 0x3F) == 0;
  const std::uint64_t flags = shifted ? (first >> 12) & 7 : (first >> 6) & 7;
  Found found;
  found.values = {{"dropped", flags >> 2},        {"congested", (flags >> 1) & 1},
                  {"tracked", flags & 1},         {"hw_id", first & 63},
                  {"node", in.peek(4, 4)},        {"sequence", in.peek(8, 4)},
                  {"report_time", in.peek(12, 4)}};
  Cursor words(payload);
  words.skip(16);
  if ((bits & 0x20) != 0) put_halves(found.values, words.take(4), 16, "l1_ingress", "l1_egress");
  if ((bits & 0x10) != 0) put_word(found.values, words.take(4), "latency");
  if ((bits & 0x08) != 0) put_halves(found.values, words.take(4), 24, "queue_id", "occupancy");
  if ((bits & 0x04) != 0) put_word(found.values, words.take(4), "egress_time");
  if ((bits & 0x02) != 0) {
    const std::uint64_t word = words.take(4);
    if (word != 0xFFFFFFFF) {
      found.values["drop_queue"] = word >> 24;
      found.values["drop_reason"] = (word >> 16) & 0xFF;
    }
  }
  if ((bits & 0x01) != 0) put_word(found.values, words.take(4), "tx");
  if (nproto > 2) {
    found.error = "unknown_nproto";
    return found;
  }
  const Start start = nproto == 0   ? Start::kAtEthernet
                      : nproto == 1 ? Start::kAtIpv4
                                    : Start::kAtIpv6;
  found.error = read_packet(from(payload, length * 4), start, (flags & 1) != 0, settings, found);
  return found;
}

bool looks_like_ip4(const Bytes& bytes) {
  return bytes.size() >= 20 && bytes[0] >> 4 == 4 && (bytes[0] & 15) >= 5;
}

bool looks_like_ethernet(const Bytes& bytes) {
  if (bytes.size() < 14) return false;
  const std::uint64_t type = Cursor(bytes).peek(12, 2);
  return type == kIpv4 || type == kIpv6 || kVlan.contains(type);
}

std::string read_typed(const Bytes& bytes, std::uint64_t in_type, const Settings& settings,
                       Found& found) {
  Start start = in_type == 4 ? Start::kAtIpv4 : in_type == 5 ? Start::kAtIpv6 : Start::kAtEthernet;
  if (in_type == 4 && !looks_like_ip4(bytes) && looks_like_ethernet(bytes)) {
    start = Start::kAtEthernet;
  }
  return read_packet(bytes, start, true, settings, found);
}

std::string read_contents(const Bytes& contents, std::uint64_t in_type, const Settings& settings,
                          Found& found) {
  if (in_type >= 3 && in_type <= 5) return read_typed(contents, in_type, settings, found);
  if (in_type != 1) return "none";
  std::string error = "none";
  bool had_packet = false;
  for (std::size_t at = 0; at + 4 <= contents.size();) {
    const std::uint64_t type = contents[at] >> 4;
    const std::size_t length = std::size_t{contents[at + 1]} * 4;
    if (at + 4 + length > contents.size()) return "bad_tlv_length";
    if (type >= 1 && type <= 3 && !had_packet) {
      const Bytes value(contents.begin() + static_cast<std::ptrdiff_t>(at + 4),
                        contents.begin() + static_cast<std::ptrdiff_t>(at + 4 + length));
      had_packet = !value.empty();
      error = read_typed(value, type + 2, settings, found);
    }
    at += 4 + length;
  }
  return error;
}

void read_metadata20(Cursor in, std::uint64_t bits, Values& to) {
  for (unsigned i = 1; i < 16; ++i) {
    if (!has(bits, i)) continue;
    if (i == 4 || i == 5) {
      put_long(to, in.take(8), i == 4 ? "ingress_time" : "egress_time");
    } else if (i == 6) {
      const std::uint64_t both = in.take(8);
      if (both != ~std::uint64_t{0}) {
        to["l2_ingress"] = both >> 32;
        to["l2_egress"] = both & 0xFFFFFFFF;
      }
    } else {
      const std::uint64_t word = in.take(4);
      if (i == 1) put_halves(to, word, 16, "l1_ingress", "l1_egress");
      if (i == 2) put_word(to, word, "latency");
      if (i == 3) put_halves(to, word, 24, "queue_id", "occupancy");
      if (i == 7) put_word(to, word, "tx");
      if (i == 8) put_halves(to, word, 24, "buffer_id", "buffer");
      if (i == 15 && word != 0xFFFFFFFF) {
        to["drop_queue"] = word >> 24;
        to["drop_reason"] = (word >> 16) & 0xFF;
      }
    }
  }
}

std::vector<Found> reports20(const Bytes& payload, const Settings& settings) {
  if (payload.size() < 8) return {refusal("short_report_header")};
  if (payload.size() < 12) return {refusal("no_individual_report")};
  std::vector<Found> all;
  const Cursor group(payload);
  for (std::size_t at = 8; payload.size() - at >= 4;) {
    const std::uint64_t first = group.peek(at, 4);
    const std::uint64_t rep_type = first >> 28;
    const std::uint64_t in_type = (first >> 24) & 15;
    const std::uint64_t length = (first >> 16) & 0xFF;
    const std::size_t md_stated = ((first >> 8) & 0xFF) * 4;
    Found found;
    const std::uint64_t head = group.peek(0, 4);
    found.values = {{"dropped", (first >> 7) & 1}, {"congested", (first >> 6) & 1},
                    {"tracked", (first >> 5) & 1}, {"hw_id", (head >> 22) & 63},
                    {"sequence", head & 0x3FFFFF}, {"node", group.peek(4, 4)}};
    const std::size_t behind = payload.size() - at - 4;
    std::size_t bytes = length * 4;
    if (length == 0) bytes = behind;
    std::string error = "none";
    if (bytes > behind) error = "report_length_past_end";
    if (length == 0xFF || bytes > behind || behind - bytes < 4) bytes = behind;
    const Bytes body(payload.begin() + static_cast<std::ptrdiff_t>(at + 4),
                     payload.begin() + static_cast<std::ptrdiff_t>(at + 4 + bytes));
    at += 4 + bytes;
    if (rep_type > 1) {
      all.emplace_back();
      all.back().error = "unsupported_rep_type";
      continue;
    }
    Bytes contents = body;
    if (rep_type == 1) {
      if ((length != 0 && length < 2) || body.size() < 8) {
        all.push_back(error == "none" ? refusal("bad_report_length") : found);
        if (error == "none") return all;
        all.back().error = error;
        continue;
      }
      const std::uint64_t bits = Cursor(body).peek(0, 2);
      std::size_t needed = 0;
      for (unsigned i = 1; i < 16; ++i) {
        if (has(bits, i)) needed += i >= 4 && i <= 6 ? 8 : 4;
      }
      const std::size_t md = std::min(md_stated, body.size() - 8);
      if (md_stated >= needed && md >= needed) {
        read_metadata20(Cursor(from(body, 8)), bits, found.values);
      }
      if (error == "none" && (md_stated < needed || md_stated > md)) error = "bad_md_length";
      contents = from(body, 8 + md);
    }
    const std::string inner = read_contents(contents, in_type, settings, found);
    found.error = error == "none" ? inner : error;
    all.push_back(std::move(found));
  }
  return all;
}

/// Version 1 before a 2.0 layout.
bool is_marked_1(const Bytes& payload) {
  if ((payload[0] & 15) >= 4 || payload.size() < 8 + 4 + 8 + 14) return false;
  const std::uint64_t first = Cursor(payload).peek(8, 4);
  const std::uint64_t rep_type = first >> 28;
  const std::uint64_t in_type = (first >> 24) & 15;
  if (rep_type > 1 || in_type < 3 || in_type > 5 || (first & 0xFFFF0F) != 0) return false;
  const Bytes contents = from(payload, 12 + (rep_type == 1 ? 8 : 0));
  return looks_like_ethernet(contents) || looks_like_ip4(contents);
}

Bytes read_outer(const Bytes& frame, const Settings& settings) {
  Cursor in(frame);
  std::uint64_t type = 0;
  try {
    type = skip_ethernet(in, 2);
    if (type == 0x8847) {
      if (in.left() < 5) throw Cut();
      in.skip(4);
      const std::uint64_t nibble = in.peek(0, 1) >> 4;
      if (nibble == 4) type = kIpv4;
      if (nibble == 6) type = kIpv6;
    }
  } catch (const Cut&) {
    throw Wrong("short_frame");
  }
  if (type != kIpv4 && type != kIpv6) throw Wrong("not_udp");
  Ip ip;
  const Bytes packet = in.rest();
  try {
    ip = read_ip(packet, type == kIpv4 ? 4 : 6);
  } catch (const Cut&) {
    throw Wrong("short_frame");
  } catch (const Wrong&) {
    throw Wrong("bad_outer_ip");
  }
  if (ip.protocol != 17) throw Wrong("not_udp");
  if (ip.length < ip.header) throw Wrong("bad_outer_ip");
  if (ip.fragment) throw Wrong("outer_fragment");
  if (ip.payload.size() < 8) throw Wrong("short_frame");
  Cursor udp(ip.payload);
  const std::uint64_t port = udp.peek(2, 2);
  const std::uint64_t length = udp.peek(4, 2);
  if (std::find(settings.ports.begin(), settings.ports.end(), port) == settings.ports.end()) {
    throw Wrong("other_port");
  }
  if (length < 8 || length > ip.length - ip.header) throw Wrong("bad_outer_udp_length");
  if (length > ip.payload.size()) throw Wrong("short_frame");
  udp.skip(8);
  return udp.take_bytes(length - 8);
}

}  // namespace

std::vector<Found> decode(const Bytes& frame, const Settings& settings) {
  Bytes payload;
  try {
    payload = read_outer(frame, settings);
  } catch (const Wrong& wrong) {
    return {refusal(wrong.what())};
  }
  if (payload.empty()) return {refusal("short_report_header")};
  const unsigned version = payload[0] >> 4;
  if (version > 2) return {refusal("unknown_version")};
  if (version == 0) return {report05(payload, settings)};
  if (version == 1 && !is_marked_1(payload)) return {report10(payload, settings)};
  return reports20(payload, settings);
}

}  // namespace hopscope::test::reference
