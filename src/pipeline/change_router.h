#pragma once
// The way of a port's or queue's change to the worker that owns the key.

#include "pipeline/message.h"

namespace hopscope::pipeline {

class ChangeRouter {
 public:
  ChangeRouter() = default;
  ChangeRouter(const ChangeRouter&) = delete;
  ChangeRouter& operator=(const ChangeRouter&) = delete;

  /// False: there was no room. Then the row keeps its interval and the change is seen again.
  [[nodiscard]] virtual bool route(const RowChange& change) noexcept = 0;

 protected:
  ~ChangeRouter() = default;
};

}  // namespace hopscope::pipeline
