#pragma once
// Writing and syncing, by an io_uring or, where the kernel does not allow that, by plain system
// calls. For one thread, which waits for the disk here.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "export/sinks/spool/options.h"

struct io_uring;

namespace hopscope::exporter {

class Disk {
 public:
  explicit Disk(SpoolEngine engine);
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  ~Disk();

  /// How many bytes were written, or a negative error number.
  [[nodiscard]] std::int64_t write(int fd, std::string_view bytes, std::uint64_t offset) noexcept;
  /// Syncs the data of all files, with io_uring at the same time. Result i is 0 or a negative error
  /// number of file i.
  [[nodiscard]] std::vector<int> sync(const std::vector<int>& fds);

  /// "io_uring", or "thread" and why.
  [[nodiscard]] const std::string& engine() const noexcept { return engine_; }

 private:
  [[nodiscard]] std::string open_ring();

  std::unique_ptr<io_uring> ring_;  ///< null: system calls
  std::string engine_;
};

}  // namespace hopscope::exporter
