#pragma once
// Passwords and tokens. They are read from a file or from the environment, never from the
// configuration itself, so that neither `hopscope dump` nor a log can show one.

#include <stdexcept>
#include <string>
#include <utility>

namespace hopscope {

/// Where a secret is read from: exactly one of the two. Not secret itself.
struct SecretSource {
  std::string file;
  std::string env;  ///< name of an environment variable

  [[nodiscard]] bool given() const noexcept { return !file.empty() || !env.empty(); }
};

/// A secret. Cannot be printed to a stream or by a formatter; clears its memory when destroyed.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret& other);
  ~Secret() { wipe(); }

  /// The text, for code that sends it or compares with it.
  [[nodiscard]] const std::string& reveal() const noexcept { return value_; }

 private:
  void wipe() noexcept;

  std::string value_;
};

/// Says what is wrong with a source and how to fix it; never contains a part of the secret.
class SecretError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Reads the secret now, without the line ends at its end. Throws SecretError if it is missing,
/// empty, larger than 64 KiB or has control characters, which no header or password may have.
[[nodiscard]] Secret read_secret(const SecretSource& source);

/// A warning if the secret is in a file that every user of the machine can read; else empty.
[[nodiscard]] std::string secret_warning(const SecretSource& source);

/// The same for any file that should be private, such as a TLS key.
[[nodiscard]] std::string private_file_warning(const std::string& path);

}  // namespace hopscope
