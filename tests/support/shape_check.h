#pragma once
// Compares the fast path with the checked decoder: a frame must mean what its shape says.

#include <string>

#include "pipeline/decode/decoder.h"
#include "pipeline/fastpath/report_shape.h"

namespace hopscope::test {

/// The frame has the shape. Checksums and dialects are not part of a shape.
[[nodiscard]] bool is_of(const pipeline::ReportShape& shape, pipeline::Bytes frame);

/// The first difference between the checked decoder and the shape, or between the readers of a
/// stack, for a frame of that shape; empty: none.
[[nodiscard]] std::string disagreement(const pipeline::Decoder& decoder,
                                       const pipeline::ReportShape& shape, pipeline::Bytes frame);

/// The shape of a frame; none: the checked decoder finds no report with a shape in it.
[[nodiscard]] std::optional<pipeline::ReportShape> shape_of(const pipeline::Decoder& decoder,
                                                            pipeline::Bytes frame);

}  // namespace hopscope::test
