#include "export/sinks/push/options.h"

#include "base/setup_error.h"

namespace hopscope::exporter {

HttpTarget http_target(const HttpPushOptions& options) {
  HttpTarget target;
  target.url = options.url;
  target.username = options.username;
  try {
    if (options.password.given()) target.password = read_secret(options.password);
    if (options.token.given()) target.token = read_secret(options.token);
  } catch (const SecretError& error) {
    throw SetupError(error.what());
  }
  target.ca_file = options.ca_file;
  target.certificate_file = options.certificate_file;
  target.key_file = options.key_file;
  target.verify = options.verify;
  target.timeout = std::chrono::milliseconds(static_cast<long>(options.timeout_s * 1000));
  return target;
}

}  // namespace hopscope::exporter
