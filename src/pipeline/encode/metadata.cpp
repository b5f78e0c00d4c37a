#include "pipeline/encode/metadata.h"

#include <bit>

#include "base/assert.h"

namespace hopscope::pipeline::encode {
namespace {

/// Instruction bit i, 0 being the most significant.
constexpr std::uint16_t instruction(unsigned i) {
  HOPSCOPE_ASSERT(i < 16);
  return static_cast<std::uint16_t>(0x8000U >> i);
}

constexpr std::uint32_t join_8_24(std::uint32_t id, std::uint32_t value) {
  return (id << 24) | (value & 0x00FF'FFFFU);
}
constexpr std::uint32_t join_16_16(std::uint32_t high, std::uint32_t low) {
  return (high << 16) | (low & 0xFFFFU);
}

class WordWriter {
 public:
  WordWriter(ByteWriter& out, const Metadata& metadata) : out_(out), metadata_(metadata) {}

  void word(Field field, std::uint32_t value) {
    out_.put32(is_invalid(field) ? 0xFFFF'FFFFU : value);
  }
  void pair(Field field, std::uint32_t first, std::uint32_t second) {
    word(field, first);
    word(field, second);
  }
  void time(Field field, std::uint64_t value, TimeWidth width) {
    const bool wide = width == TimeWidth::k64Bits;
    if (!is_invalid(field)) {
      out_.put_time(value, width);
    } else if (wide) {
      out_.put64(~std::uint64_t{0});
    } else {
      out_.put32(0xFFFF'FFFFU);
    }
  }
  void ports() {
    word(Field::kL1Ports, join_16_16(metadata_.l1_ingress_if, metadata_.l1_egress_if));
  }
  void queue() { word(Field::kQueue, join_8_24(metadata_.queue_id, metadata_.queue_occupancy)); }
  void buffer() {
    word(Field::kBuffer, join_8_24(metadata_.buffer_id, metadata_.buffer_occupancy));
  }
  void drop() {
    word(Field::kDrop, (metadata_.drop_queue_id << 24) | ((metadata_.drop_reason & 0xFF) << 16));
  }

 private:
  [[nodiscard]] bool is_invalid(Field field) const { return (metadata_.invalid & bit(field)) != 0; }

  ByteWriter& out_;
  const Metadata& metadata_;
};

void put_bit_6(WordWriter& words, HopLayout layout, const Metadata& hop) {
  switch (layout) {
    case HopLayout::kInt05:
      words.word(Field::kQueueCongestion, join_8_24(hop.congestion_queue_id, hop.queue_congestion));
      break;
    case HopLayout::kInt10Geant:
      words.word(Field::kL2Ports, join_16_16(hop.l2_ingress_if, hop.l2_egress_if));
      break;
    case HopLayout::kInt10:
    case HopLayout::kInt2x:
      words.pair(Field::kL2Ports, hop.l2_ingress_if, hop.l2_egress_if);
      break;
    case HopLayout::kMri:
      break;  // has no such word
  }
}

constexpr TimeWidth time_width(HopLayout layout) {
  const bool wide = layout == HopLayout::kInt10Geant || layout == HopLayout::kInt2x;
  return wide ? TimeWidth::k64Bits : TimeWidth::k32Bits;
}

}  // namespace

std::uint16_t int_bitmap(FieldMask fields, HopLayout layout) noexcept {
  std::uint16_t bitmap = 0;
  const auto take = [&](Field field, unsigned i) {
    if ((fields & bit(field)) != 0) bitmap = static_cast<std::uint16_t>(bitmap | instruction(i));
  };
  take(Field::kNodeId, 0);
  take(Field::kL1Ports, 1);
  take(Field::kHopLatency, 2);
  take(Field::kQueue, 3);
  take(Field::kIngressTime, 4);
  take(Field::kEgressTime, 5);
  take(layout == HopLayout::kInt05 ? Field::kQueueCongestion : Field::kL2Ports, 6);
  take(Field::kTxUtilization, 7);
  if (layout == HopLayout::kInt2x) take(Field::kBuffer, 8);
  if (layout != HopLayout::kInt05) take(Field::kChecksumComplement, 15);
  return bitmap;
}

std::uint8_t report10_bits(FieldMask fields) noexcept {
  constexpr Field kOrder[] = {Field::kL1Ports,    Field::kHopLatency, Field::kQueue,
                              Field::kEgressTime, Field::kDrop,       Field::kTxUtilization};
  std::uint8_t bits = 0;
  for (const Field field : kOrder) {
    bits = static_cast<std::uint8_t>((bits << 1) | ((fields & bit(field)) != 0 ? 1 : 0));
  }
  return bits;
}

std::uint16_t report20_bits(FieldMask fields) noexcept {
  const auto baseline =
      static_cast<FieldMask>(fields & ~(bit(Field::kNodeId) | bit(Field::kChecksumComplement)));
  std::uint16_t bits = int_bitmap(baseline, HopLayout::kInt2x);
  if ((fields & bit(Field::kDrop)) != 0) bits = static_cast<std::uint16_t>(bits | instruction(15));
  return bits;
}

unsigned hop_words(std::uint16_t bitmap, HopLayout layout) noexcept {
  auto words = static_cast<unsigned>(std::popcount(bitmap));
  const auto has = [&](unsigned i) { return (bitmap & instruction(i)) != 0 ? 1U : 0U; };
  if (time_width(layout) == TimeWidth::k64Bits) words += has(4) + has(5);
  if (layout == HopLayout::kInt10 || layout == HopLayout::kInt2x) words += has(6);
  return words;
}

unsigned report20_words(std::uint16_t bits) noexcept {
  // Bit 0 would be the node id, which is in the group header.
  return hop_words(static_cast<std::uint16_t>(bits & 0x7FFF), HopLayout::kInt2x);
}

void put_hop(ByteWriter& out, std::uint16_t bitmap, HopLayout layout, const Metadata& hop,
             std::span<const std::uint32_t> domain_words) {
  [[maybe_unused]] const std::size_t start = out.size();
  WordWriter words(out, hop);
  const auto has = [&](unsigned i) { return (bitmap & instruction(i)) != 0; };
  if (has(0)) words.word(Field::kNodeId, hop.node_id);
  if (has(1)) words.ports();
  if (has(2)) words.word(Field::kHopLatency, hop.hop_latency);
  if (has(3)) words.queue();
  if (has(4)) words.time(Field::kIngressTime, hop.ingress_time, time_width(layout));
  if (has(5)) words.time(Field::kEgressTime, hop.egress_time, time_width(layout));
  if (has(6)) put_bit_6(words, layout, hop);
  if (has(7)) words.word(Field::kTxUtilization, hop.tx_utilization);
  const bool has_buffer = layout == HopLayout::kInt2x;
  if (has(8) && has_buffer) words.buffer();
  for (unsigned i = has_buffer ? 9 : 8; i <= 14; ++i) {
    if (has(i)) out.put32(hop.reserved[i]);
  }
  if (has(15) && layout == HopLayout::kInt05) out.put32(hop.reserved[15]);
  for (const std::uint32_t word : domain_words) out.put32(word);
  if (has(15) && layout != HopLayout::kInt05) {
    words.word(Field::kChecksumComplement, hop.checksum_complement);
  }
  HOPSCOPE_ASSERT(out.size() - start == (hop_words(bitmap, layout) + domain_words.size()) * 4);
}

void put_report10_metadata(ByteWriter& out, std::uint8_t bits, const Metadata& metadata) {
  WordWriter words(out, metadata);
  if ((bits & 0x20) != 0) words.ports();
  if ((bits & 0x10) != 0) words.word(Field::kHopLatency, metadata.hop_latency);
  if ((bits & 0x08) != 0) words.queue();
  if ((bits & 0x04) != 0) words.time(Field::kEgressTime, metadata.egress_time, TimeWidth::k32Bits);
  if ((bits & 0x02) != 0) words.drop();
  if ((bits & 0x01) != 0) words.word(Field::kTxUtilization, metadata.tx_utilization);
}

void put_report20_metadata(ByteWriter& out, std::uint16_t bits, const Metadata& metadata) {
  put_hop(out, static_cast<std::uint16_t>(bits & 0x7FFE), HopLayout::kInt2x, metadata);
  if ((bits & instruction(15)) != 0) WordWriter(out, metadata).drop();
}

}  // namespace hopscope::pipeline::encode
