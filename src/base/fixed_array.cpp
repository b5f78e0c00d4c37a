#include "base/fixed_array.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <new>

#include "base/assert.h"

namespace hopscope {
namespace {

constexpr std::size_t kSmallPage = 4096;
constexpr std::size_t kHugePage = 2U << 20;

std::size_t mapped_bytes(std::size_t bytes) noexcept {
  const std::size_t unit = bytes >= kHugePage ? kHugePage : kSmallPage;
  return (bytes + unit - 1) / unit * unit;
}

void* map(std::size_t bytes, int extra_flags) noexcept {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | extra_flags, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

/// A mapping that starts at a 2 MB boundary, so that transparent huge pages can back all of it.
void* map_aligned(std::size_t bytes) noexcept {
  HOPSCOPE_ASSERT(bytes % kHugePage == 0);
  void* wide = map(bytes + kHugePage, 0);
  if (wide == nullptr) return nullptr;
  const auto start = reinterpret_cast<std::uintptr_t>(wide);
  const std::uintptr_t aligned = (start + kHugePage - 1) / kHugePage * kHugePage;
  if (aligned > start) munmap(wide, aligned - start);
  const std::uintptr_t end = aligned + bytes;
  const std::uintptr_t wide_end = start + bytes + kHugePage;
  if (wide_end > end) munmap(reinterpret_cast<void*>(end), wide_end - end);
  void* memory = reinterpret_cast<void*>(aligned);
  madvise(memory, bytes, MADV_HUGEPAGE);
  return memory;
}

}  // namespace

void* claim_memory(std::size_t bytes) {
  const std::size_t size = mapped_bytes(bytes == 0 ? 1 : bytes);
  void* memory = nullptr;
  if (size >= kHugePage) {
    memory = map(size, MAP_HUGETLB);
    if (memory == nullptr) memory = map_aligned(size);
  } else {
    memory = map(size, 0);
  }
  if (memory == nullptr) throw std::bad_alloc();
  HOPSCOPE_ASSERT(reinterpret_cast<std::uintptr_t>(memory) % kSmallPage == 0);
  // Touch every page now, so that a lack of memory shows at start and not after months.
  std::memset(memory, 0, size);
  return memory;
}

void return_memory(void* memory, std::size_t bytes) noexcept {
  HOPSCOPE_ASSERT(memory != nullptr);
  munmap(memory, mapped_bytes(bytes == 0 ? 1 : bytes));
}

}  // namespace hopscope
