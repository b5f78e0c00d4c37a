#pragma once
// The number of values of an enumeration whose last enumerator is kCount.

#include <cstddef>

namespace hopscope {

template <typename Enum>
inline constexpr std::size_t kCountOf = static_cast<std::size_t>(Enum::kCount);

}  // namespace hopscope
