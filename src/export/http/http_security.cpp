#include "export/http/http_security.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/setup_error.h"
#include "export/http/tls_context.h"

namespace hopscope::exporter {
namespace {

/// nullopt: not base64.
std::optional<std::string> from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

/// What stands behind the name of the scheme, if it is that one.
std::optional<std::string_view> behind_scheme(std::string_view header, std::string_view scheme) {
  if (header.size() <= scheme.size() || header[scheme.size()] != ' ') return std::nullopt;
  const bool same =
      std::equal(scheme.begin(), scheme.end(), header.begin(),
                 [](char wanted, char got) { return wanted == (got | 0x20); });  // any case
  if (!same) return std::nullopt;
  header.remove_prefix(scheme.size());
  header.remove_prefix(std::min(header.find_first_not_of(' '), header.size()));
  return header;
}

Secret read_or_fail(const SecretSource& source) {
  try {
    return read_secret(source);
  } catch (const SecretError& error) {
    throw SetupError(error.what());
  }
}

}  // namespace

HttpCredentials::Digest HttpCredentials::digest_of(const std::string& text) {
  Digest digest;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return digest;
}

bool HttpCredentials::holds(const std::vector<Digest>& known, const std::string& text) {
  const Digest digest = digest_of(text);
  bool found = false;
  // No early end: the time tells neither whether nor which.
  for (const Digest& one : known) {
    const bool same = CRYPTO_memcmp(one.data(), digest.data(), digest.size()) == 0;
    found = found || same;
  }
  return found;
}

void HttpCredentials::add_user(const std::string& name, const Secret& password) {
  users_.push_back(digest_of(name + ":" + password.reveal()));
}

void HttpCredentials::add_token(const Secret& token) {
  tokens_.push_back(digest_of(token.reveal()));
}

bool HttpCredentials::allow(const std::string* authorization) const {
  if (none()) return true;
  if (authorization == nullptr) return false;
  if (const auto token = behind_scheme(*authorization, "bearer")) {
    return holds(tokens_, std::string(*token));
  }
  const auto encoded = behind_scheme(*authorization, "basic");
  const auto user = encoded ? from_base64(*encoded) : std::nullopt;
  return user && holds(users_, *user);
}

std::string HttpCredentials::challenge() const {
  // One value for one header line: two schemes are told apart by the comma.
  std::string schemes;
  if (!users_.empty()) schemes = "Basic realm=\"hopscope\", charset=\"UTF-8\"";
  if (!tokens_.empty()) {
    schemes += schemes.empty() ? "" : ", ";
    schemes += "Bearer realm=\"hopscope\"";
  }
  return schemes;
}

std::shared_ptr<const HttpSecurity> read_security(const HttpOptions& options) {
  auto security = std::make_shared<HttpSecurity>();
  security->open_probes = options.auth.open_probes;
  security->asks_certificate = !options.tls.client_ca.empty();
  if (options.tls.enabled()) {
    security->tls = make_tls_context(options.tls, options.auth.open_probes);
  }
  for (const HttpUser& user : options.auth.users) {
    security->credentials.add_user(user.name, read_or_fail(user.password));
  }
  for (const SecretSource& token : options.auth.tokens) {
    security->credentials.add_token(read_or_fail(token));
  }
  return security;
}

std::vector<std::string> security_warnings(const HttpOptions& options) {
  std::vector<std::string> warnings;
  const auto add = [&warnings](std::string warning) {
    if (!warning.empty()) warnings.push_back(std::move(warning));
  };
  if (options.tls.enabled()) add(private_file_warning(options.tls.key));
  for (const HttpUser& user : options.auth.users) add(secret_warning(user.password));
  for (const SecretSource& token : options.auth.tokens) add(secret_warning(token));

  const bool asks = !options.auth.users.empty() || !options.auth.tokens.empty();
  if (is_loopback(options.listen)) return warnings;
  if (!options.tls.enabled() && !asks) {
    add(
        fmt::format("whoever reaches {} can read the metrics: neither export.http.tls nor "
                    "export.http.auth is set (docs/http.md)",
                    options.listen));
  } else if (!options.tls.enabled()) {
    add(
        fmt::format("passwords and tokens for {} cross the network as clear text: export.http.tls "
                    "is not set (docs/http.md)",
                    options.listen));
  } else if (!asks && options.tls.client_ca.empty()) {
    add(
        fmt::format("whoever reaches {} can read the metrics: neither export.http.auth nor "
                    "export.http.tls.client_ca is set (docs/http.md)",
                    options.listen));
  }
  return warnings;
}

bool is_loopback(const std::string& listen) {
  return listen.starts_with("127.") || listen.starts_with("[::1]:");
}

}  // namespace hopscope::exporter
