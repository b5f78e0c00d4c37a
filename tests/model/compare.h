#pragma once
// Events and tables as text, and the first difference between two of them.

#include <string>
#include <vector>

#include "pipeline/events/event.h"
#include "pipeline/tables/snapshot.h"

namespace hopscope::test::model {

/// Everything that an event says.
[[nodiscard]] std::string text_of(const pipeline::Event& event);
[[nodiscard]] bool is_same(const pipeline::Event& a, const pipeline::Event& b);

/// Empty, or the first event that is not the same.
[[nodiscard]] std::string difference(const std::vector<pipeline::Event>& wanted,
                                     const std::vector<pipeline::Event>& found);

/// A line for every row of every table, in the order of their keys.
[[nodiscard]] std::vector<std::string> rows_of(const pipeline::TableView& tables);

/// A line for every sample of the exposition with all flows, sorted.
[[nodiscard]] std::vector<std::string> exposition_of(const pipeline::TableView& tables);

/// What was counted, a line each. Left out: what the time and the batches decide.
[[nodiscard]] std::vector<std::string> counts_of(const pipeline::TableView& tables);

/// Empty, or the first lines that are not the same.
[[nodiscard]] std::string difference(const std::vector<std::string>& wanted,
                                     const std::vector<std::string>& found);

}  // namespace hopscope::test::model
