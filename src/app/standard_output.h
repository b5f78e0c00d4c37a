#pragma once
// What a command answers goes to the standard output, and a full disk behind it does not pass
// unseen.

#include <string_view>

namespace hopscope::app {

/// Appends; false if not all of it was taken.
[[nodiscard]] bool write_output(std::string_view text);

/// Flushes. The exit code: 0, or 1 after a line on the standard error if anything was not
/// `written`.
[[nodiscard]] int finish_output(bool written);

}  // namespace hopscope::app
