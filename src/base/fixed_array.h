#pragma once
// An array of fixed size whose memory is claimed and touched at start, on 2 MB pages where the
// kernel gives them. Elements start as all zero bytes, which every row type here takes as "free".

#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

namespace hopscope {

/// Zeroed, touched memory. Throws std::bad_alloc. `bytes` is rounded up to 2 MB if it is that
/// large.
[[nodiscard]] void* claim_memory(std::size_t bytes);
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

  [[nodiscard]] T& operator[](std::size_t i) noexcept { return data_[i]; }
  [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return data_[i]; }
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
