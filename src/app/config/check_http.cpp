#include "app/config/check_http.h"

#include <fmt/format.h>
#include <string.h>

#include <cerrno>
#include <fstream>
#include <set>
#include <string>

#include "app/config/check_secret.h"
#include "app/config/values.h"
#include "base/setup_error.h"
#include "export/http/tls_context.h"

namespace hopscope::app {
namespace {

constexpr const char* kTls = "export.http.tls";
constexpr const char* kAuth = "export.http.auth";

std::string user_key(std::size_t i) {
  return fmt::format("{}.users[{}]", kAuth, i);
}
std::string token_key(std::size_t i) {
  return fmt::format("{}.tokens[{}].token", kAuth, i);
}

bool is_readable(const std::string& path) {
  errno = 0;
  std::ifstream file(path);
  return file && file.peek() != std::ifstream::traits_type::eof();
}

}  // namespace

void check_http(const exporter::HttpOptions& http, const CheckReporter& check) {
  check(
      is_listen_address(http.listen), "export.http.listen",
      fmt::format("is \"{}\"; needs address:port, like 127.0.0.1:9465 or [::]:9465", http.listen));
  const exporter::TlsOptions& tls = http.tls;
  check(!tls.certificate.empty() || tls.key.empty(), fmt::format("{}.key", kTls),
        "needs certificate beside it");
  check(tls.certificate.empty() || !tls.key.empty(), fmt::format("{}.certificate", kTls),
        "needs key beside it");
  check(tls.client_ca.empty() || tls.enabled(), fmt::format("{}.client_ca", kTls),
        "needs certificate and key beside it; without TLS clients send no certificate");
  std::set<std::string> names;
  for (std::size_t i = 0; i < http.auth.users.size(); ++i) {
    const exporter::HttpUser& user = http.auth.users[i];
    const std::string name = user_key(i) + ".name";
    check(!user.name.empty(), name, "is empty; needs the name that the client sends");
    check(user.name.find(':') == std::string::npos, name,
          "has a colon, which ends the name in basic authentication");
    check(user.name.empty() || names.insert(user.name).second, name, "is in this list twice");
    check_secret(user.password, user_key(i) + ".password", check);
  }
  for (std::size_t i = 0; i < http.auth.tokens.size(); ++i) {
    check_secret(http.auth.tokens[i], token_key(i), check);
  }
}

void check_http_files(const exporter::HttpOptions& http, const CheckReporter& check) {
  if (!http.enabled) return;
  const exporter::TlsOptions& tls = http.tls;
  bool all_there = !tls.certificate.empty() && !tls.key.empty();
  const auto file = [&](const char* name, const std::string& path) {
    if (path.empty() || is_readable(path)) return;
    all_there = false;
    check(false, fmt::format("{}.{}", kTls, name),
          fmt::format("{} cannot be read: {}", path,
                      errno != 0 ? strerrordesc_np(errno) : "it is empty"));
  };
  file("certificate", tls.certificate);
  file("key", tls.key);
  file("client_ca", tls.client_ca);
  if (all_there) {
    try {
      (void)exporter::make_tls_context(tls, false);
    } catch (const SetupError& error) {
      check(false, kTls, error.what());
    }
  }
  for (std::size_t i = 0; i < http.auth.users.size(); ++i) {
    check_secret_there(http.auth.users[i].password, user_key(i) + ".password", check);
  }
  for (std::size_t i = 0; i < http.auth.tokens.size(); ++i) {
    check_secret_there(http.auth.tokens[i], token_key(i), check);
  }
}

}  // namespace hopscope::app
