#pragma once
// An array of fixed size whose memory is allocated and touched at start, on 2 MB pages where the
// kernel has them. Elements start as all zero bytes, which every row type uses for "free".

#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

#include "base/assert.h"

namespace hopscope {

/// Zeroed, touched memory, aligned to a page. From 2 MB on, `bytes` is rounded up to a multiple of
/// 2 MB. Throws std::bad_alloc.
[[nodiscard]] void* claim_memory(std::size_t bytes);
/// `memory` and `bytes` of one call of claim_memory().
void return_memory(void* memory, std::size_t bytes) noexcept;

template <typename T>
class FixedArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  FixedArray() = default;
  explicit FixedArray(std::size_t count)
      : data_(static_cast<T*>(claim_memory(count * sizeof(T)))), count_(count) {}
  FixedArray(FixedArray&& other) noexcept { swap(other); }
  FixedArray& operator=(FixedArray&& other) noexcept {
    swap(other);
    return *this;
  }
  ~FixedArray() {
    if (data_ != nullptr) return_memory(data_, count_ * sizeof(T));
  }

  [[nodiscard]] T& operator[](std::size_t i) noexcept {
    HOPSCOPE_ASSERT(i < count_);
    return data_[i];
  }
  [[nodiscard]] const T& operator[](std::size_t i) const noexcept {
    HOPSCOPE_ASSERT(i < count_);
    return data_[i];
  }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return count_ * sizeof(T); }

 private:
  void swap(FixedArray& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
  }

  T* data_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace hopscope
