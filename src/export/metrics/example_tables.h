#pragma once
// Tables of a fabric that does not exist, of any size and without memory: rows are made when they
// are read. For forecasts and measurements of the exposition.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "pipeline/tables/snapshot.h"

namespace hopscope::exporter {

struct ExampleSize {
  static constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

  std::vector<std::uint32_t> switches{1};  ///< ids
  std::uint32_t ports = 32;                ///< egress ports of a switch
  std::uint32_t queues = 8;                ///< queues of a port
  std::uint64_t flows = 1000;
  std::uint32_t hops = 3;             ///< of a flow's path; at most pipeline::kMaxHops
  std::uint32_t drop_reasons = 3;     ///< seen on each switch
  std::uint32_t links = 0;            ///< of a switch to others
  std::uint32_t formats = 0;          ///< headers of one's own
  std::uint64_t keys_a_format = 100;  ///< of each of them
  std::uint32_t workers = 1;

  // What there is room for, of all switches together.
  std::uint64_t max_ports = kNoLimit;
  std::uint64_t max_overflow_queues = kNoLimit;  ///< that have no place in the row of their port
  std::uint64_t max_drops = kNoLimit;
  std::uint64_t max_links = kNoLimit;
  std::uint64_t max_senders = kNoLimit;

  // What there is then.
  [[nodiscard]] std::uint64_t all_ports() const noexcept { return of_all(ports, max_ports); }
  [[nodiscard]] std::uint64_t all_overflow_queues() const noexcept;
  [[nodiscard]] std::uint64_t all_queues() const noexcept;
  [[nodiscard]] std::uint64_t all_drops() const noexcept { return of_all(drop_reasons, max_drops); }
  [[nodiscard]] std::uint64_t all_links() const noexcept { return of_all(links, max_links); }
  [[nodiscard]] std::uint64_t all_senders() const noexcept { return of_all(1, max_senders); }

 private:
  [[nodiscard]] std::uint64_t of_all(std::uint64_t of_a_switch, std::uint64_t most) const noexcept {
    return std::min<std::uint64_t>(switches.size() * of_a_switch, most);
  }
};

class ExampleTables final : public pipeline::TableView {
 public:
  /// At least one switch.
  explicit ExampleTables(ExampleSize size);

  void for_each_flow(
      const std::function<void(const pipeline::FlowSnapshot&)>& visit) const override;
  [[nodiscard]] bool read_flow(pipeline::FlowRef place,
                               pipeline::FlowSnapshot& flow) const override;
  void for_each_port(
      const std::function<void(const pipeline::PortSnapshot&)>& visit) const override;
  void for_each_switch(
      const std::function<void(const pipeline::SwitchSnapshot&)>& visit) const override;
  void for_each_drop(
      const std::function<void(const pipeline::DropSnapshot&)>& visit) const override;
  void for_each_sequence(
      const std::function<void(const pipeline::SequenceSnapshot&)>& visit) const override;
  void for_each_link(
      const std::function<void(const pipeline::LinkSnapshot&)>& visit) const override;
  void for_each_format(
      const std::function<void(const pipeline::FormatSnapshot&)>& visit) const override;
  [[nodiscard]] std::size_t worker_count() const override { return size_.workers; }
  [[nodiscard]] pipeline::CounterSnapshot counters(std::size_t worker) const override;

 private:
  void make_flow(std::uint64_t index, pipeline::FlowSnapshot& flow) const;

  const ExampleSize size_;
};

}  // namespace hopscope::exporter
