#pragma once
// Writes the result of a command to the standard output and reports errors of writing, such as a
// full disk.

#include <string_view>

namespace hopscope::app {

/// Appends; false if not all of it was written.
[[nodiscard]] bool write_output(std::string_view text);

/// Flushes and returns the exit code: 0, or 1 after a line on the standard error if flushing failed
/// or `written` is false.
[[nodiscard]] int finish_output(bool written);

}  // namespace hopscope::app
