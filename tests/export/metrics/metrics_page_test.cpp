// docs/metrics.md is the table of everything that /metrics can show. To write it anew:
//   HOPSCOPE_UPDATE_DOCS=1 build/release/tests/export/metrics/export.metrics_test

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <vector>

#include "export/exporter.h"
#include "export/names/families.h"
#include "support/exposition.h"
#include "support/fake_source.h"
#include "support/fake_tables.h"

namespace hopscope::exporter {
namespace {

std::string everything() {
  test::FakeTables tables;
  test::fill(tables);
  const test::FakeSource source;
  ExportOptions options;
  options.http.enabled = false;
  options.event_file = {.enabled = true, .path = "/dev/null"};
  Exporter exporter(options, {},
                    {.tables = tables,
                     .take_events = [](auto) { return std::size_t{0}; },
                     .sources = {&source},
                     .formats = {},
                     .xdp =
                         [] {
                           return std::vector<XdpCount>{{"eth0", "redirected", 5}};
                         },
                     .health =
                         [] {
                           return std::vector<HealthCheck>{{"receive", true, ""}};
                         },
                     .ready = nullptr});
  std::string text;
  exporter.render([&text](std::string_view piece) {
    text += piece;
    return true;
  });
  return text;
}

constexpr const char* kTypes[] = {"counter", "gauge", "histogram", "summary"};

/// The families of the list by name; labels as they are served.
std::string page(const std::map<std::string, test::Family>& served) {
  std::vector<Family> sorted(families::kAll.begin(), families::kAll.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const Family& a, const Family& b) { return a.name < b.name; });
  std::string int_rows, own_rows;
  for (const Family& family : sorted) {
    const std::string name(family.name);
    const std::string type = kTypes[static_cast<std::size_t>(family.type)];
    std::string labels;
    for (const std::string& label : served.at(name).labels) {
      if (label == "le") continue;
      labels += (labels.empty() ? "`" : ", `") + label + "`";
    }
    (name.starts_with("int_") ? int_rows : own_rows) +=
        "| `" + name + "` | " + type + " | " + labels + " | " + std::string(family.help) + " |\n";
  }
  const std::string head = "| metric | type | labels | meaning |\n|---|---|---|---|\n";
  return "# Metrics\n\n"
         "Everything that `/metrics` shows. Times are seconds, sizes bytes; raw values of switches "
         "are converted with the units of `switches:` in the configuration. A switch is labelled "
         "with its configured name, else its id. A value that no switch has reported has no "
         "series.\n\n"
         "## What the switches report\n" +
         head + int_rows +
         "\nFlow labels: `src`, `dst`, `sport`, `dport`, `proto`. Which flows have series says "
         "`export.flows`; `hopscope_series_suppressed` counts those that have none, "
         "`int_flow_other_reports` sums them up. How to ask for a part, formats and bounds: "
         "[scraping](scraping.md).\n\n"
         "Each header that is declared under `formats:` adds `NAME_reports_total`, "
         "`NAME_drops_total` where it marks drops, and a gauge `NAME_FIELD_UNIT` per measurement, "
         "labelled with its key fields ([formats](formats.md)).\n\n"
         "## The collector itself\n" +
         head + own_rows +
         "\nEvery frame is in one place: `hopscope_frames_received_total` = "
         "`hopscope_frames_decoded_total` + the sum of `hopscope_frames_dropped_total` + "
         "`hopscope_queue_dropped_total{queue=\"handoff\"}`. What never became a frame here is in "
         "`hopscope_xsk_rx_dropped_total`, `hopscope_xsk_rx_ring_full_total` and "
         "`hopscope_source_lost_total`.\n";
}

TEST(MetricsPage, Served_families_are_those_of_the_list_in_its_order) {
  std::vector<std::string> listed, served;
  for (const Family& family : families::kAll) listed.emplace_back(family.name);
  std::istringstream text(everything());
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line);
    std::string hash, keyword, name;
    words >> hash >> keyword >> name;
    if (hash == "#" && keyword == "TYPE") served.push_back(name);
  }
  EXPECT_EQ(served, listed);
}

TEST(MetricsPage, EveryFamilyHasTypeAndHelp) {
  for (const auto& [name, family] : test::parse_exposition(everything())) {
    EXPECT_FALSE(family.type.empty()) << name;
    EXPECT_FALSE(family.help.empty()) << name;
    EXPECT_FALSE(family.samples.empty()) << name << ": the page would lack its labels";
    EXPECT_EQ(family.type == "counter", name.ends_with("_total")) << name;
  }
}

TEST(MetricsPage, IsWhatIsServed) {
  const std::string path = std::string(HOPSCOPE_SOURCE_DIR) + "/docs/metrics.md";
  const std::string wanted = page(test::parse_exposition(everything()));
  if (std::getenv("HOPSCOPE_UPDATE_DOCS") != nullptr) std::ofstream(path) << wanted;
  std::ifstream file(path);
  std::stringstream got;
  got << file.rdbuf();
  EXPECT_EQ(got.str(), wanted);
}

}  // namespace
}  // namespace hopscope::exporter
