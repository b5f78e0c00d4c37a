#pragma once
// Checks the settings of the HTTP server and that its files exist.

#include "app/config/check.h"
#include "export/http/options.h"

namespace hopscope::app {

void check_http(const exporter::HttpOptions& http, const CheckReporter& check);

/// Certificates and secrets on this machine.
void check_http_files(const exporter::HttpOptions& http, const CheckReporter& check);

}  // namespace hopscope::app
