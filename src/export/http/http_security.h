#pragma once
// Who may read the pages, and how the connection is protected: what the `tls` and `auth` sections
// become when their files have been read.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "export/http/options.h"

struct ssl_ctx_st;

namespace hopscope::exporter {

/// Users and tokens, kept as digests. Comparison takes as long whoever asks, and with whatever.
class HttpCredentials {
 public:
  void add_user(const std::string& name, const Secret& password);
  void add_token(const Secret& token);

  /// Nobody has to show any.
  [[nodiscard]] bool none() const noexcept { return users_.empty() && tokens_.empty(); }
  /// Value of an Authorization header, nullptr without one.
  [[nodiscard]] bool allow(const std::string* authorization) const;
  /// Value of WWW-Authenticate.
  [[nodiscard]] std::string challenge() const;

 private:
  using Digest = std::array<unsigned char, 32>;

  static Digest digest_of(const std::string& text);
  static bool holds(const std::vector<Digest>& known, const std::string& text);

  std::vector<Digest> users_;  ///< of "name:password"
  std::vector<Digest> tokens_;
};

/// Never changed once made; SIGHUP makes another.
struct HttpSecurity {
  std::shared_ptr<ssl_ctx_st> tls;  ///< null: plain HTTP
  HttpCredentials credentials;
  bool asks_certificate = false;  ///< clients show one
  bool open_probes = false;       ///< /healthz and /readyz are for everybody
};

/// Reads certificates and secrets. Throws SetupError, which names the file.
[[nodiscard]] std::shared_ptr<const HttpSecurity> read_security(const HttpOptions& options);

/// What the operator should know about these options at start: private files that all can read,
/// pages that are open to the network.
[[nodiscard]] std::vector<std::string> security_warnings(const HttpOptions& options);

/// An address that only this machine reaches.
[[nodiscard]] bool is_loopback(const std::string& listen);

}  // namespace hopscope::exporter
