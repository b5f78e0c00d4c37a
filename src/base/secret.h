#pragma once
// Passwords and tokens: from a file or from the environment, never from the configuration itself,
// so that neither `dump` nor a log can show one.

#include <stdexcept>
#include <string>
#include <utility>

namespace hopscope {

/// Where a secret is found: one of the two. Not secret itself.
struct SecretSource {
  std::string file;
  std::string env;  ///< name of a variable

  [[nodiscard]] bool given() const noexcept { return !file.empty() || !env.empty(); }
};

/// A secret. It has no way into a stream or a formatter, and wipes its memory at the end.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret& other);
  ~Secret() { wipe(); }

  /// For the one who sends it or compares with it.
  [[nodiscard]] const std::string& reveal() const noexcept { return value_; }

 private:
  void wipe() noexcept;

  std::string value_;
};

/// Says what is wrong with a source and what to mend; never has any of the secret.
class SecretError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Reads it now; line ends at its end are cut off. Throws SecretError where there is none, and
/// where it is empty, over 64 KiB, or has control characters, which no header or password may have.
[[nodiscard]] Secret read_secret(const SecretSource& source);

/// What should be mended although it works: a file that every user of the machine can read. Empty:
/// nothing.
[[nodiscard]] std::string secret_warning(const SecretSource& source);

/// The same for any file that should be private, as a TLS key.
[[nodiscard]] std::string private_file_warning(const std::string& path);

}  // namespace hopscope
