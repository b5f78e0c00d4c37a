#pragma once
// Whether a frame means what a shape says of it: the fast path against the checked decoder.

#include <string>

#include "pipeline/decode/decoder.h"
#include "pipeline/fastpath/report_shape.h"

namespace hopscope::test {

/// The frame is of the shape, as far as shapes tell: checksums and dialects are others' business.
[[nodiscard]] bool is_of(const pipeline::ReportShape& shape, pipeline::Bytes frame);

/// What the checked decoder and the shape, or the ways to read a stack, do not agree on in a frame
/// of that shape; empty: nothing.
[[nodiscard]] std::string disagreement(const pipeline::Decoder& decoder,
                                       const pipeline::ReportShape& shape, pipeline::Bytes frame);

/// The shape of a frame; none: the checked decoder finds no report in it that has one.
[[nodiscard]] std::optional<pipeline::ReportShape> shape_of(const pipeline::Decoder& decoder,
                                                            pipeline::Bytes frame);

}  // namespace hopscope::test
