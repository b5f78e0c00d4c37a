#include "support/allocation_guard.h"

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HOPSCOPE_HAS_OTHER_MALLOC
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HOPSCOPE_HAS_OTHER_MALLOC
#endif

namespace {

thread_local constinit bool is_armed = false;
thread_local constinit std::uint64_t calls = 0;

void count() noexcept {
  if (is_armed) ++calls;
}

}  // namespace

namespace hopscope::test {

AllocationGuard::AllocationGuard() noexcept {
  calls = 0;
  is_armed = true;
}

std::uint64_t AllocationGuard::stop() noexcept {
  is_armed = false;
  return calls;
}

}  // namespace hopscope::test

#ifdef HOPSCOPE_HAS_OTHER_MALLOC

void* operator new(std::size_t bytes) {
  count();
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  count();
  void* memory = nullptr;
  const auto wanted = static_cast<std::size_t>(alignment);
  if (posix_memalign(&memory, wanted, bytes == 0 ? 1 : bytes) == 0) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  count();
  std::free(memory);
}
void operator delete(void* memory, std::size_t /*bytes*/) noexcept {
  operator delete(memory);
}
void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept {
  operator delete(memory);
}
void operator delete(void* memory, std::size_t /*bytes*/, std::align_val_t /*alignment*/) noexcept {
  operator delete(memory);
}

#else

// glibc's own names of its allocator; operator new ends here too.
extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* memory, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
void __libc_free(void* memory);

void* malloc(std::size_t bytes) {
  count();
  return __libc_malloc(bytes);
}
void* calloc(std::size_t items, std::size_t bytes) {
  count();
  return __libc_calloc(items, bytes);
}
void* realloc(void* memory, std::size_t bytes) {
  count();
  return __libc_realloc(memory, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  count();
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t bytes) {
  count();
  *memory = __libc_memalign(alignment, bytes);
  return *memory != nullptr ? 0 : ENOMEM;
}
void free(void* memory) {
  count();
  __libc_free(memory);
}
}

#endif
