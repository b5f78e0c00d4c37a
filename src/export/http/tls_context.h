#pragma once
// OpenSSL's server context from PEM files.

#include <memory>
#include <string>

#include "export/http/options.h"

struct ssl_ctx_st;

namespace hopscope::exporter {

/// With client_ca a client must show a certificate of that authority; `certificate_optional` lets
/// clients without one in, so that pages can decide. Throws SetupError, which names the file.
[[nodiscard]] std::shared_ptr<ssl_ctx_st> make_tls_context(const TlsOptions& options,
                                                           bool certificate_optional);

/// The oldest entry of OpenSSL's error queue in words, which is then empty.
[[nodiscard]] std::string tls_error();

}  // namespace hopscope::exporter
