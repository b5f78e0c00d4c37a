#include "pipeline/decode/hop_plan.h"

#include "base/assert.h"
#include "pipeline/report/wire.h"

namespace hopscope::pipeline {
namespace {

constexpr unsigned kInstructionBits = 16;

/// The field of an instruction bit; kCount: a reserved word.
Field field_of(unsigned instruction, HopLayout layout) noexcept {
  HOPSCOPE_ASSERT(instruction < kInstructionBits);
  switch (instruction) {
    case 0:
      return Field::kNodeId;
    case 1:
      return Field::kL1Ports;
    case 2:
      return Field::kHopLatency;
    case 3:
      return Field::kQueue;
    case 4:
      return Field::kIngressTime;
    case 5:
      return Field::kEgressTime;
    case 6:
      return layout == HopLayout::kInt05 ? Field::kQueueCongestion : Field::kL2Ports;
    case 7:
      return Field::kTxUtilization;
    case 8:
      return layout == HopLayout::kInt2x ? Field::kBuffer : Field::kCount;
    case 15:
      return layout == HopLayout::kInt05 ? Field::kCount : Field::kChecksumComplement;
    default:
      return Field::kCount;
  }
}

constexpr std::size_t index(Field field) noexcept {
  return static_cast<std::size_t>(field);
}

}  // namespace

HopPlan make_hop_plan(std::uint16_t bitmap, HopLayout layout) noexcept {
  HopPlan plan;
  plan.bitmap = bitmap;
  plan.layout = layout;
  plan.wide_times = layout == HopLayout::kInt2x || layout == HopLayout::kInt10Geant;
  plan.narrow_l2 = layout == HopLayout::kInt10Geant;
  plan.plain_queue = layout == HopLayout::kMri;
  for (unsigned i = 0; i < kInstructionBits; ++i) {
    if (((bitmap >> (kInstructionBits - 1 - i)) & 1) == 0) continue;
    const Field field = field_of(i, layout);
    const auto offset = static_cast<std::uint8_t>(plan.bytes);
    const bool is_time = field == Field::kIngressTime || field == Field::kEgressTime;
    const bool is_wide =
        (is_time && plan.wide_times) || (field == Field::kL2Ports && !plan.narrow_l2);
    plan.bytes = static_cast<std::uint16_t>(plan.bytes + (is_wide ? 8 : 4));
    if (field == Field::kCount) {
      plan.reserved = static_cast<std::uint16_t>(plan.reserved | 1U << i);
      plan.reserved_offset[i] = offset;
    } else {
      plan.present = static_cast<FieldMask>(plan.present | bit(field));
      plan.offset[index(field)] = offset;
    }
  }
  return plan;
}

namespace {

/// One hop at `at`; each member reads its words and records those that are all ones as invalid.
class HopWords {
 public:
  HopWords(const HopPlan& plan, const std::uint8_t* at, Metadata& hop) noexcept
      : plan_(plan), at_(at), hop_(hop) {
    hop_.present = plan.present;
    hop_.invalid = 0;
    hop_.reserved_present = plan.reserved;
  }

  [[nodiscard]] bool has(Field field) const noexcept { return (plan_.present & bit(field)) != 0; }

  std::uint32_t word(Field field) noexcept {
    HOPSCOPE_ASSERT(has(field) && plan_.offset[index(field)] + 4U <= plan_.bytes);
    const std::uint32_t value = be32(at_ + plan_.offset[index(field)]);
    if (value == 0xFFFF'FFFF) note_invalid(field);
    return value;
  }

  std::uint64_t two_words(Field field) noexcept {
    HOPSCOPE_ASSERT(has(field) && plan_.offset[index(field)] + 8U <= plan_.bytes);
    const std::uint64_t value = be64(at_ + plan_.offset[index(field)]);
    if (value == 0xFFFF'FFFF'FFFF'FFFF) note_invalid(field);
    return value;
  }

  std::uint64_t time(Field field) noexcept {
    return plan_.wide_times ? two_words(field) : word(field);
  }

 private:
  void note_invalid(Field field) noexcept {
    hop_.invalid = static_cast<FieldMask>(hop_.invalid | bit(field));
  }

  const HopPlan& plan_;
  const std::uint8_t* at_;
  Metadata& hop_;
};

void read_ports_and_queues(HopWords& words, const HopPlan& plan, Metadata& hop) noexcept {
  if (words.has(Field::kL1Ports)) {
    const std::uint32_t ports = words.word(Field::kL1Ports);
    hop.l1_ingress_if = ports >> 16;
    hop.l1_egress_if = ports & 0xFFFF;
  }
  if (words.has(Field::kQueue)) {
    const std::uint32_t queue = words.word(Field::kQueue);
    hop.queue_id = plan.plain_queue ? 0 : queue >> 24;
    hop.queue_occupancy = plan.plain_queue ? queue : queue & 0xFF'FFFF;
  }
  if (words.has(Field::kQueueCongestion)) {
    const std::uint32_t queue = words.word(Field::kQueueCongestion);
    hop.congestion_queue_id = queue >> 24;
    hop.queue_congestion = queue & 0xFF'FFFF;
  }
  if (words.has(Field::kBuffer)) {
    const std::uint32_t buffer = words.word(Field::kBuffer);
    hop.buffer_id = buffer >> 24;
    hop.buffer_occupancy = buffer & 0xFF'FFFF;
  }
  if (!words.has(Field::kL2Ports)) return;
  if (plan.narrow_l2) {
    const std::uint32_t ports = words.word(Field::kL2Ports);
    hop.l2_ingress_if = ports >> 16;
    hop.l2_egress_if = ports & 0xFFFF;
  } else {
    const std::uint64_t ports = words.two_words(Field::kL2Ports);
    hop.l2_ingress_if = static_cast<std::uint32_t>(ports >> 32);
    hop.l2_egress_if = static_cast<std::uint32_t>(ports);
  }
}

}  // namespace

void read_hop(const HopPlan& plan, const IntStack& stack, unsigned hop_index,
              Metadata& hop) noexcept {
  HOPSCOPE_ASSERT(plan.bitmap == stack.bitmap && plan.layout == stack.layout);
  HOPSCOPE_ASSERT(stack.hops != nullptr && hop_index < stack.hop_count);
  HOPSCOPE_ASSERT(plan.bytes <= stack.hop_bytes);
  const std::uint8_t* at = stack.hops + std::size_t{hop_index} * stack.hop_bytes;
  HopWords words(plan, at, hop);
  if (words.has(Field::kNodeId)) hop.node_id = words.word(Field::kNodeId);
  if (words.has(Field::kHopLatency)) hop.hop_latency = words.word(Field::kHopLatency);
  if (words.has(Field::kIngressTime)) hop.ingress_time = words.time(Field::kIngressTime);
  if (words.has(Field::kEgressTime)) hop.egress_time = words.time(Field::kEgressTime);
  if (words.has(Field::kTxUtilization)) hop.tx_utilization = words.word(Field::kTxUtilization);
  read_ports_and_queues(words, plan, hop);
  if (words.has(Field::kChecksumComplement)) {
    // After the domain-specific words: always the last word of the hop (INT 2.1 section 4.7).
    hop.checksum_complement = be32(at + stack.hop_bytes - 4);
    if (hop.checksum_complement == 0xFFFF'FFFF) {
      hop.invalid = static_cast<FieldMask>(hop.invalid | bit(Field::kChecksumComplement));
    }
  }
  for (unsigned i = 0; plan.reserved >> i != 0; ++i) {
    if (((plan.reserved >> i) & 1) != 0) hop.reserved[i] = be32(at + plan.reserved_offset[i]);
  }
}

}  // namespace hopscope::pipeline
