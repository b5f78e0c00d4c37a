#pragma once
// Frames that are wrong on purpose: each kind is one that the decoder has a name for, and the name
// is what the summary counts it under.

#include <cstdint>
#include <vector>

#include "app/generate/options.h"
#include "pipeline/encode/encode.h"
#include "pipeline/report/decode_error.h"

namespace hopscope::app {

/// The kinds that a format can have, in a fixed order.
[[nodiscard]] std::vector<pipeline::DecodeError> malformed_kinds(TrafficFormat format);

/// Makes a good frame of the format wrong. `int_at` is where the INT shim is, 0 for none.
void malform(pipeline::DecodeError kind, TrafficFormat format, const pipeline::encode::Outer& outer,
             const pipeline::encode::FrameMarks& marks, pipeline::encode::ByteWriter& frame);

}  // namespace hopscope::app
