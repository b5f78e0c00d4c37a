#include "export/metrics/self_metrics.h"

#include <algorithm>
#include <iterator>

#include "base/assert.h"
#include "export/metrics/collected_families.h"
#include "export/metrics/process_metrics.h"
#include "export/metrics/source_metrics.h"
#include "export/metrics/worker_metrics.h"
#include "export/names/families.h"

namespace hopscope::exporter {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

void add_http(CollectedFamilies& out, const HttpCounters& http) {
  for (std::size_t i = 0; i < HttpCounters::kCodes.size(); ++i) {
    const int code = HttpCounters::kCodes[i];
    out.add(families::kHttpRequests, {{"code", code == 0 ? "other" : std::to_string(code)}},
            http.answers(i));
  }
  for (std::size_t i = 0; i < kHttpRefusalLabels.size(); ++i) {
    out.add(families::kHttpConnectionsRefused, {{"reason", std::string(kHttpRefusalLabels[i])}},
            http.refusals(i));
  }
  out.add(families::kHttpConnections, {}, http.open());
}

/// What has no more than a family or two.
class OtherMetrics final : public prometheus::Collectable {
 public:
  explicit OtherMetrics(const SelfMetricsInput& input) : input_(input) {}

  [[nodiscard]] std::vector<MetricFamily> Collect() const override {
    CollectedFamilies out;
    if (input_.health) {
      for (const HealthCheck& check : input_.health()) {
        out.add(families::kHealthy, {{"check", check.name}}, check.ok ? 1 : 0);
      }
    }
    if (input_.xdp) {
      for (const XdpCount& count : input_.xdp()) {
        out.add(families::kXdpVerdicts,
                {{"interface", count.interface}, {"verdict", count.verdict}}, count.frames);
      }
    }
    if (input_.http != nullptr) add_http(out, *input_.http);
    for (const auto& [family, count] : input_.suppressed) {
      out.add(families::kSeriesSuppressed, {{"family", family}}, count);
    }
    for (const auto& [result, count] : input_.scrapes) {
      out.add(families::kScrapes, {{"result", std::string(result)}}, count);
    }
    return out.take();
  }

 private:
  const SelfMetricsInput& input_;
};

constexpr const Family* kEnd = families::kAll.data() + families::kAll.size();

/// kEnd where the list has no such family.
const Family* find_family(std::string_view name) {
  return std::find_if(families::kAll.data(), kEnd,
                      [&](const Family& family) { return family.name == name; });
}

}  // namespace

std::vector<MetricFamily> CollectableList::Collect() const {
  std::vector<MetricFamily> all;
  for (const auto& part : parts_) {
    std::vector<MetricFamily> some = part->Collect();
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  std::stable_sort(all.begin(), all.end(), [](const MetricFamily& a, const MetricFamily& b) {
    return find_family(a.name) < find_family(b.name);
  });
  return all;
}

std::vector<MetricFamily> collect_self_metrics(const SelfMetricsInput& input) {
  HOPSCOPE_ASSERT(input.tables != nullptr);
  CollectableList registry;
  registry.add(std::make_unique<WorkerMetrics>(*input.tables));
  registry.add(std::make_unique<SourceMetrics>(input.sources));
  if (input.sinks) registry.add(std::make_unique<SinkMetrics>(input.sinks));
  registry.add(std::make_unique<OtherMetrics>(input));
  registry.add(std::make_unique<ProcessMetrics>());
  return registry.Collect();
}

void write_self_metrics(const SelfMetricsInput& input, SeriesWriter& out) {
  for (const MetricFamily& collected : collect_self_metrics(input)) {
    if (!out.view().wants_unswitched()) {
      out.skip(collected.name);
      continue;
    }
    const Family* family = find_family(collected.name);
    HOPSCOPE_ASSERT(family != kEnd);
    if (!out.begin(*family)) continue;
    for (const ClientMetric& metric : collected.metric) {
      out.labels.clear();
      for (const ClientMetric::Label& label : metric.label) out.labels.add(label.name, label.value);
      if (family->type == FamilyType::kCounter) {
        out.sample(metric.counter.value);
      } else if (family->type == FamilyType::kSummary) {
        out.summary(metric.summary.sample_count, metric.summary.sample_sum);
      } else {
        out.sample(metric.gauge.value);
      }
    }
  }
}

}  // namespace hopscope::exporter
