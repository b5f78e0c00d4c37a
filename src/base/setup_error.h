#pragma once
// The exception of set-up code: its text says what failed, why, and what to do about it.

#include <stdexcept>

namespace hopscope {

class SetupError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The fix is in the configuration: exit code 2.
class WrongSettingsError : public SetupError {
 public:
  using SetupError::SetupError;
};

}  // namespace hopscope
