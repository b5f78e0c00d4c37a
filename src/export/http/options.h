#pragma once
// `export: http:` of the configuration, checked.

#include <cstdint>
#include <string>
#include <vector>

#include "base/secret.h"

namespace hopscope::exporter {

enum class TlsVersion : std::uint8_t { k12, k13 };

/// PEM files.
struct TlsOptions {
  std::string certificate;  ///< with its chain
  std::string key;
  std::string client_ca;  ///< clients must show a certificate of it; empty: need not
  TlsVersion min_version = TlsVersion::k12;

  [[nodiscard]] bool enabled() const noexcept { return !certificate.empty() || !key.empty(); }
};

struct HttpUser {
  std::string name;
  SecretSource password;
};

/// Any of these lets a client in. None: everybody is.
struct HttpAuthOptions {
  std::vector<HttpUser> users;
  std::vector<SecretSource> tokens;
  bool open_probes = false;  ///< /healthz and /readyz are for everybody all the same
};

struct HttpOptions {
  bool enabled = true;
  std::string listen = "127.0.0.1:9465";  ///< address:port, [address]:port
  unsigned threads = 12;
  unsigned connections = 256;
  unsigned header_timeout_ms = 5'000;    ///< from the connection to the end of the request's head
  unsigned request_timeout_ms = 10'000;  ///< for the answer, as fast as the client reads it
  unsigned idle_timeout_ms = 120'000;    ///< between requests
  unsigned header_bytes = 16 * 1024;
  TlsOptions tls;
  HttpAuthOptions auth;
};

}  // namespace hopscope::exporter
