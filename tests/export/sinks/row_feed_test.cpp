#include "export/sinks/row_feed.h"

#include <gtest/gtest.h>

#include <memory>

#include "support/fake_tables.h"

namespace hopscope::exporter {
namespace {

/// Counts what it is told.
class Listener final : public Sink {
 public:
  struct Told {
    int flows = 0;
    int ports = 0;
    int ends = 0;
  };

  Listener(bool wants_flows, Told& told) : wants_flows_(wants_flows), told_(told) {}

  [[nodiscard]] std::string_view kind() const noexcept override { return "test"; }
  void encode(const Item& item, std::int64_t /*now_ns*/, std::string& /*record*/) override {
    if (std::holds_alternative<const pipeline::FlowSnapshot*>(item)) ++told_.flows;
    if (std::holds_alternative<const pipeline::PortSnapshot*>(item)) ++told_.ports;
  }
  void end_of_rows(std::int64_t /*now_ns*/, std::string& /*record*/) override { ++told_.ends; }
  [[nodiscard]] bool wants_flows() const noexcept override { return wants_flows_; }
  [[nodiscard]] Outcome deliver(std::span<const Record> /*batch*/) override { return {}; }

 private:
  const bool wants_flows_;
  Told& told_;
};

TEST(RowFeed, FlowsGoToThoseWhoAskForThem) {
  test::FakeTables tables;
  test::fill(tables);
  ASSERT_FALSE(tables.flows.empty());
  Listener::Told all;
  Listener::Told few;
  Delivery curious("curious", std::make_unique<Listener>(true, all), {}, nullptr);
  Delivery modest("modest", std::make_unique<Listener>(false, few), {}, nullptr);
  const RowFeed feed(10, tables, [&](const RowFeed::Tell& tell) {
    tell(curious);
    tell(modest);
  });
  feed.tell();
  EXPECT_EQ(all.flows, static_cast<int>(tables.flows.size()));
  EXPECT_EQ(few.flows, 0);
  EXPECT_EQ(few.ports, static_cast<int>(tables.ports.size()));
  EXPECT_EQ(all.ports, few.ports);
  EXPECT_EQ(all.ends, 1);
  EXPECT_EQ(few.ends, 1);
}

TEST(RowFeed, WithoutRowsSinksLookAfterWhatTheyRemember) {
  test::FakeTables tables;
  test::fill(tables);
  Listener::Told told;
  Delivery sink("sink", std::make_unique<Listener>(true, told), {}, nullptr);
  const RowFeed feed(0, tables, [&](const RowFeed::Tell& tell) { tell(sink); });
  feed.tell();
  EXPECT_EQ(told.ports, 0);
  EXPECT_EQ(told.flows, 0);
  EXPECT_EQ(told.ends, 1);
}

}  // namespace
}  // namespace hopscope::exporter
