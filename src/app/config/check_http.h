#pragma once
// Whether the settings of the HTTP server hold together, and whether its files are there.

#include "app/config/check.h"
#include "export/http/options.h"

namespace hopscope::app {

void check_http(const exporter::HttpOptions& http, const Check& check);

/// Certificates and secrets, on this machine.
void check_http_files(const exporter::HttpOptions& http, const Check& check);

}  // namespace hopscope::app
