#pragma once
// A frame as JSON, every field that the wire has, integers raw: what `hopscope decode` prints and
// what the test vectors are compared with. For people and tests, not for the hot path.

#include <nlohmann/json.hpp>

#include "pipeline/decode/decoder.h"

namespace hopscope::app {

/// `outer`, `report`, and where something is wrong `error`, `policy` and `partial_hops`.
[[nodiscard]] nlohmann::ordered_json decode_to_json(const pipeline::Decoder& decoder,
                                                    pipeline::Bytes frame);

}  // namespace hopscope::app
