#include "io/af_xdp/umem.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <bit>
#include <cerrno>
#include <cstring>

#include "base/assert.h"
#include "base/setup_error.h"

namespace hopscope::io {
namespace {

constexpr std::size_t kHugePage = 2U << 20;

void* map(std::size_t bytes, int flags) noexcept {
  void* memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace

Umem::Umem(std::uint32_t frames, std::uint32_t frame_bytes, bool huge_pages)
    : frames_(frames), frame_bytes_(frame_bytes) {
  HOPSCOPE_ASSERT(std::has_single_bit(frames) && std::has_single_bit(frame_bytes));
  mapped_bytes_ = (bytes() + kHugePage - 1) / kHugePage * kHugePage;
  void* memory = huge_pages ? map(mapped_bytes_, MAP_HUGETLB) : nullptr;
  if (memory != nullptr) {
    pages_ = PageKind::kHuge;
  } else {
    memory = map(mapped_bytes_, 0);
    if (memory == nullptr) {
      throw SetupError(fmt::format("cannot map {} MB of frame memory: {}; lower receive.frames",
                                   mapped_bytes_ >> 20, std::strerror(errno)));
    }
    if (huge_pages && madvise(memory, mapped_bytes_, MADV_HUGEPAGE) == 0) {
      pages_ = PageKind::kTransparent;
    }
  }
  base_ = static_cast<std::uint8_t*>(memory);
  std::memset(base_, 0, mapped_bytes_);
}

Umem::~Umem() {
  munmap(base_, mapped_bytes_);
}

}  // namespace hopscope::io
