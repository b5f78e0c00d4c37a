#pragma once
// What an answer to a push means, where stores agree.

#include <string_view>

#include "export/sinks/delivery/sink.h"
#include "export/sinks/push/http_post.h"

namespace hopscope::exporter {

/// 2xx: delivered; unless a page for people came with it, which no store sends but a proxy or a
/// login in front of it does: try again. 429, 5xx, 408, redirects and no answer at all: try again.
/// 413: too large. Other 4xx: refused for good.
[[nodiscard]] Outcome outcome_of(const HttpAnswer& answer);

}  // namespace hopscope::exporter
