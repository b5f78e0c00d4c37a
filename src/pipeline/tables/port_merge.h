#pragma once
// The exporter's view of ports: every worker has rows of its own, and of each value the one that
// came last counts. With one worker there is nothing to merge.

#include <functional>
#include <vector>

#include "pipeline/tables/snapshot.h"
#include "pipeline/tables/tables.h"

namespace hopscope::pipeline {

/// Visits every port that had a report within the idle time, queues ascending.
void visit_ports(const std::vector<const Tables*>& workers,
                 const std::function<void(const PortSnapshot&)>& visit);

}  // namespace hopscope::pipeline
