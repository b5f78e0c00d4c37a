#include "export/sinks/push/http_outcome.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string>

#include "base/printable.h"

namespace hopscope::exporter {
namespace {

bool is_page(const HttpAnswer& answer) {
  std::string type = answer.content_type;
  std::transform(type.begin(), type.end(), type.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::size_t at = answer.body.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  return type.starts_with("text/html") || type.starts_with("application/xhtml") ||
         (at != std::string::npos && answer.body[at] == '<');
}

}  // namespace

Outcome outcome_of(const HttpAnswer& answer) {
  using Result = Outcome::Result;
  Outcome outcome;
  outcome.reconnected = answer.reconnected;
  if (answer.status == 0) {
    outcome.result = Result::kTryAgain;
    outcome.detail = printable(answer.error);
    return outcome;
  }
  outcome.detail = fmt::format("HTTP {}{}{}", answer.status, answer.body.empty() ? "" : ": ",
                               printable(answer.body));
  outcome.retry_after = answer.retry_after;
  const long status = answer.status;
  if (status >= 200 && status < 300) {
    // A yes of a store has no body; one with a body is somebody else's, or tells of an error.
    const bool is_yes = !is_page(answer) && printable(answer.body).empty();
    outcome.result = is_yes ? Result::kDelivered : Result::kTryAgain;
    if (is_yes) outcome.detail.clear();
  } else if (status == 413) {
    outcome.result = Result::kTooLarge;
  } else if (status >= 400 && status < 500 && status != 429 && status != 408) {
    outcome.result = Result::kRefused;
  } else {
    outcome.result = Result::kTryAgain;
  }
  return outcome;
}

}  // namespace hopscope::exporter
