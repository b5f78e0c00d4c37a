#pragma once
// The senders of reports as JSON: the page /sources and what `hopscope sources` prints.

#include <nlohmann/json.hpp>

#include "export/names/names.h"
#include "pipeline/tables/snapshot.h"

namespace hopscope::exporter {

/// A list, ordered by address, switch and hw_id: source, switch, hw_id, versions, reports, missing,
/// late, duplicates, restarts, deviations (a list of labels; see pipeline/deviation.h).
[[nodiscard]] nlohmann::ordered_json sources_json(const pipeline::TableView& tables,
                                                  const Names& names);

}  // namespace hopscope::exporter
