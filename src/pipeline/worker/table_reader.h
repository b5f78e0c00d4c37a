#pragma once
// The tables of all workers as the exporter reads them: rows are copied while the workers go on,
// and rows of one key at several workers become one.

#include <cstddef>
#include <functional>
#include <vector>

#include "pipeline/tables/snapshot.h"

namespace hopscope::pipeline {

class Worker;

class TableReader : public TableView {
 public:
  void for_each_flow(const std::function<void(const FlowSnapshot&)>& visit) const override;
  [[nodiscard]] bool read_flow(FlowRef place, FlowSnapshot& flow) const override;
  void for_each_port(const std::function<void(const PortSnapshot&)>& visit) const override;
  void for_each_switch(const std::function<void(const SwitchSnapshot&)>& visit) const override;
  void for_each_drop(const std::function<void(const DropSnapshot&)>& visit) const override;
  void for_each_sequence(const std::function<void(const SequenceSnapshot&)>& visit) const override;
  void for_each_link(const std::function<void(const LinkSnapshot&)>& visit) const override;
  void for_each_format(const std::function<void(const FormatSnapshot&)>& visit) const override;
  [[nodiscard]] std::size_t worker_count() const override { return workers_.size(); }
  [[nodiscard]] CounterSnapshot counters(std::size_t worker) const override;

 protected:
  /// Before anything is read; the worker must live as long as this.
  void add(const Worker& worker) { workers_.push_back(&worker); }

 private:
  std::vector<const Worker*> workers_;
};

}  // namespace hopscope::pipeline
