#pragma once
// Metadata words: the hop of an INT stack and the optional words of a report. A field that is
// marked `invalid` is written as all ones; `present` is ignored, the bitmap decides.

#include <cstdint>
#include <span>

#include "pipeline/encode/writer.h"
#include "pipeline/report/metadata.h"
#include "pipeline/report/report.h"

namespace hopscope::pipeline::encode {

/// The instruction bitmap of the fields, without those that the layout has no bit for.
[[nodiscard]] std::uint16_t int_bitmap(FieldMask fields, HopLayout layout) noexcept;
/// RepMdBits of a 1.0 report (6 bits) and of a 2.0 report (16 bits).
[[nodiscard]] std::uint8_t report10_bits(FieldMask fields) noexcept;
[[nodiscard]] std::uint16_t report20_bits(FieldMask fields) noexcept;

/// Words that a node adds per hop for a bitmap, without domain-specific ones.
[[nodiscard]] unsigned hop_words(std::uint16_t bitmap, HopLayout layout) noexcept;
[[nodiscard]] unsigned report20_words(std::uint16_t bits) noexcept;

/// One hop. `domain_words` are placed before the checksum complement.
void put_hop(ByteWriter& out, std::uint16_t bitmap, HopLayout layout, const Metadata& hop,
             std::span<const std::uint32_t> domain_words = {});
void put_report10_metadata(ByteWriter& out, std::uint8_t bits, const Metadata& metadata);
void put_report20_metadata(ByteWriter& out, std::uint16_t bits, const Metadata& metadata);

}  // namespace hopscope::pipeline::encode
