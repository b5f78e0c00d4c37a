// Every bitmap in every layout: the plan's offsets against the widths in the specifications, added
// up word by word.

#include "pipeline/decode/hop_plan.h"

#include <gtest/gtest.h>

#include <vector>

namespace hopscope::pipeline {
namespace {

// INT 0.5 section 4.7, INT 1.0 section 4.7, INT 2.1 section 5.7; GEANT as its P4 code has it. Bit
// 15 of 1.0 and 2.x is the checksum complement, bits 8 (1.0: buffer occupancy) and up to 14 are a
// word each where they are reserved, so that an unknown word does not shift the known ones.
unsigned width(HopLayout layout, unsigned bit) {
  const bool v2 = layout == HopLayout::kInt2x;
  const bool geant = layout == HopLayout::kInt10Geant;
  switch (bit) {
    case 4:
    case 5:
      return v2 || geant ? 8 : 4;
    case 6:
      return layout == HopLayout::kInt05 || geant ? 4 : 8;
    default:
      return 4;
  }
}

class HopPlanTest : public testing::TestWithParam<HopLayout> {};

TEST_P(HopPlanTest, Offsets_OfEveryBitmap_SumTheWordsBefore) {
  const HopLayout layout = GetParam();
  for (unsigned bitmap = 0; bitmap < 0x10000; ++bitmap) {
    const HopPlan plan = make_hop_plan(static_cast<std::uint16_t>(bitmap), layout);
    unsigned bytes = 0;
    std::vector<bool> starts(160, false);
    for (unsigned bit = 0; bit < 16; ++bit) {
      if ((bitmap >> (15 - bit) & 1) == 0) continue;

      starts[bytes] = true;
      bytes += width(layout, bit);
    }
    ASSERT_EQ(plan.bytes, bytes) << std::hex << bitmap;
    unsigned fields = 0;
    for (std::size_t field = 0; field < plan.offset.size(); ++field) {
      if ((plan.present >> field & 1) == 0) continue;
      ++fields;
      if (static_cast<Field>(field) == Field::kChecksumComplement) continue;
      ASSERT_TRUE(starts[plan.offset[field]]) << std::hex << bitmap << " field " << field;
      starts[plan.offset[field]] = false;  // no two fields at one place
    }
    ASSERT_EQ(fields + static_cast<unsigned>(__builtin_popcount(plan.reserved)),
              static_cast<unsigned>(__builtin_popcount(bitmap)))
        << std::hex << bitmap;
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts, HopPlanTest,
                         testing::Values(HopLayout::kInt05, HopLayout::kInt10,
                                         HopLayout::kInt10Geant, HopLayout::kInt2x));

}  // namespace
}  // namespace hopscope::pipeline
