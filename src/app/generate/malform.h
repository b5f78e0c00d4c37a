#pragma once
// Deliberately malformed frames. Each kind is an error of the decoder, under whose name the summary
// counts it.

#include <cstdint>
#include <vector>

#include "app/generate/options.h"
#include "pipeline/encode/encode.h"
#include "pipeline/report/decode_error.h"

namespace hopscope::app {

/// The kinds that a format can have, in a fixed order.
[[nodiscard]] std::vector<pipeline::DecodeError> malformed_kinds(TrafficFormat format);

/// Makes a valid frame of the format malformed. `outer` and `marks` are those of put_frame().
void malform(pipeline::DecodeError kind, TrafficFormat format, const pipeline::encode::Outer& outer,
             const pipeline::encode::FrameMarks& marks, pipeline::encode::ByteWriter& frame);

}  // namespace hopscope::app
