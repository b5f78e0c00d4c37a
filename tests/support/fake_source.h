#pragma once
// A source that only describes itself and has counted.

#include "io/frame_source.h"

namespace hopscope::test {

class FakeSource final : public io::FrameSource {
 public:
  io::SourceStatistics counted;
  io::SourceDescription is{.kind = "af_xdp",
                           .interface = "eth0",
                           .queue = 2,
                           .mode = "native",
                           .zero_copy = true,
                           .reason = ""};

  std::size_t receive(io::FrameBatch& batch) noexcept override {
    batch.count = 0;
    return 0;
  }
  void release(const io::FrameHandle* /*handles*/, std::size_t /*count*/) noexcept override {}
  void wait(int /*timeout_ms*/) noexcept override {}
  [[nodiscard]] bool exhausted() const noexcept override { return false; }
  [[nodiscard]] std::size_t capacity() const noexcept override { return 1; }
  [[nodiscard]] io::SourceStatistics statistics() const noexcept override { return counted; }
  [[nodiscard]] io::SourceDescription description() const override { return is; }
};

}  // namespace hopscope::test
