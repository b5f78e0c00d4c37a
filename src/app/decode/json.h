#pragma once
// A frame as JSON with every field that is on the wire, integers raw: printed by `hopscope decode`
// and compared with the test vectors. Not for the hot path.

#include <nlohmann/json.hpp>

#include "pipeline/decode/decoder.h"

namespace hopscope::app {

/// `outer`, `report`, and if there is an error `error`, `policy` and `partial_hops`.
[[nodiscard]] nlohmann::ordered_json decode_to_json(const pipeline::Decoder& decoder,
                                                    pipeline::Bytes frame);

}  // namespace hopscope::app
