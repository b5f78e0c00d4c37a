#include "export/http/tls_context.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/setup_error.h"

namespace hopscope::exporter {
namespace {

[[noreturn]] void fail(const char* what, const std::string& path) {
  throw SetupError(fmt::format("{} {}: {}", what, path, tls_error()));
}

/// Instead of asking on the terminal: an encrypted key cannot be used by a service.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) {
  return -1;
}

void load_key_pair(SSL_CTX* context, const TlsOptions& options) {
  if (SSL_CTX_use_certificate_chain_file(context, options.certificate.c_str()) != 1) {
    fail("cannot use the certificate (PEM, its chain behind it)", options.certificate);
  }
  if (SSL_CTX_use_PrivateKey_file(context, options.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    fail("cannot use the key (PEM, without passphrase, of that certificate)", options.key);
  }
  if (SSL_CTX_check_private_key(context) != 1) fail("not the certificate's key:", options.key);
}

void load_client_authority(SSL_CTX* context, const std::string& path, bool certificate_optional) {
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(path.c_str());
  if (names == nullptr || SSL_CTX_load_verify_file(context, path.c_str()) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    fail("cannot use the clients' authority (PEM)", path);
  }
  SSL_CTX_set_client_CA_list(context, names);
  SSL_CTX_set_verify(context,
                     SSL_VERIFY_PEER | (certificate_optional ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT),
                     nullptr);
}

}  // namespace

std::string tls_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown error";
  const char* reason = ERR_SYSTEM_ERROR(code) ? nullptr : ERR_reason_error_string(code);
  if (reason != nullptr) return reason;
  char text[256];
  ERR_error_string_n(code, text, sizeof text);
  return text;
}

std::shared_ptr<SSL_CTX> make_tls_context(const TlsOptions& options, bool certificate_optional) {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context) throw SetupError("no TLS: " + tls_error());
  SSL_CTX* const raw = context.get();
  SSL_CTX_set_min_proto_version(
      raw, options.min_version == TlsVersion::k13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  // Of TLS 1.2 only what keeps recorded traffic secret later on; 1.3 has nothing else.
  SSL_CTX_set_cipher_list(raw, "ECDHE+AESGCM:ECDHE+CHACHA20");
  // Resumed sessions would outlive a change of the clients' authority.
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, 0);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_default_passwd_cb(raw, no_passphrase);
  load_key_pair(raw, options);
  if (!options.client_ca.empty()) {
    load_client_authority(raw, options.client_ca, certificate_optional);
  }
  return context;
}

}  // namespace hopscope::exporter
