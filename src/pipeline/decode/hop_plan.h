#pragma once
// The offset of each field in a hop: computed once per (bitmap, layout), after which reading a hop
// is a few loads. Only this plan knows the widths of metadata words.

#include <array>
#include <cstdint>

#include "pipeline/report/metadata.h"
#include "pipeline/report/report.h"

namespace hopscope::pipeline {

struct HopPlan {
  std::uint16_t bitmap = 0;
  HopLayout layout = HopLayout::kInt10;
  FieldMask present = 0;
  std::uint16_t bytes = 0;  ///< of the baseline words; a hop may be longer (domain-specific words)
  /// Offset of each field in the hop, valid where `present` has its bit. The checksum complement is
  /// located from the end of the hop instead: it is the last word.
  std::array<std::uint8_t, static_cast<std::size_t>(Field::kCount)> offset{};
  bool wide_times = false;     ///< 8-byte timestamps
  bool narrow_l2 = false;      ///< 2 x 16-bit level 2 ports (GEANT)
  bool plain_queue = false;    ///< 32 bits of occupancy without a queue id (MRI)
  std::uint16_t reserved = 0;  ///< reserved bits set, bit i = instruction bit i
  std::array<std::uint8_t, 16> reserved_offset{};
};

[[nodiscard]] HopPlan make_hop_plan(std::uint16_t bitmap, HopLayout layout) noexcept;

/// Reads hop `index` (0 = nearest to the sink) of a stack that has the plan's bitmap and layout.
void read_hop(const HopPlan& plan, const IntStack& stack, unsigned index, Metadata& hop) noexcept;

}  // namespace hopscope::pipeline
