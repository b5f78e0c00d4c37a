#pragma once
// The results of a replay, as text and as JSON.

#include <nlohmann/json.hpp>
#include <string>

#include "pipeline/tables/snapshot.h"

namespace hopscope::app {

/// Keys: frames, reports, decoded, hops, flows (records that were made), flows_evicted,
/// flows_refused, events{kind}, dropped{reason}, errors{error}, versions{version},
/// sequence_gaps, seconds, reports_per_second. Hops are those of INT stacks. frames = decoded + the
/// sum of dropped.
[[nodiscard]] nlohmann::ordered_json replay_summary(const pipeline::TableView& tables,
                                                    double seconds);

/// The summary as a few lines of text.
[[nodiscard]] std::string replay_text(const nlohmann::ordered_json& summary);

}  // namespace hopscope::app
