#include "export/metrics/scrape.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <string>

#include "export/metrics/content_negotiation.h"
#include "export/metrics/encoding/gzip_stream.h"

namespace hopscope::exporter {
namespace {

std::string_view label(ScrapeResult result) noexcept {
  constexpr std::string_view kLabels[] = {"ok", "deadline", "gone", "refused", "bad_request"};
  return kLabels[static_cast<std::size_t>(result)];
}

void send_line(ScrapeResponse& response, bool head_only, int status, std::string_view line) {
  response.begin(status, "text/plain; charset=utf-8", "");
  if (!head_only) {
    response.write(line);
    response.write("\n");
  }
  response.finish();
}

}  // namespace

std::optional<std::chrono::nanoseconds> time_for(std::string_view scrape_timeout) {
  constexpr double kMarginS = 0.5;
  constexpr double kMaxS = 3600;
  double seconds = 0;
  const auto end = std::from_chars(scrape_timeout.data(),
                                   scrape_timeout.data() + scrape_timeout.size(), seconds);
  if (scrape_timeout.empty() || end.ec != std::errc() || !(seconds > 0)) return std::nullopt;
  seconds = std::min(seconds, kMaxS);
  return std::chrono::nanoseconds(
      static_cast<std::int64_t>(std::max(seconds / 2, seconds - kMarginS) * 1e9));
}

ScrapeHandler::ScrapeHandler(const FlowSeriesOptions& flows, std::uint64_t max_series,
                             const Names& names, std::function<void(SeriesWriter&)> write,
                             std::function<Clock::time_point()> now)
    : flows_(flows),
      max_series_(max_series),
      names_(names),
      write_(std::move(write)),
      now_(std::move(now)) {}

void ScrapeHandler::answer(const ScrapeRequest& request, ScrapeResponse& response) {
  count(render(request, response));
}

ScrapeResult ScrapeHandler::render(const ScrapeRequest& request, ScrapeResponse& response) {
  ScrapeView view;
  try {
    view = parse_view(request.query, flows_, names_);
  } catch (const QueryError& error) {
    send_line(response, request.head_only, 400, error.what());
    return ScrapeResult::kBadRequest;
  }
  const ExpositionFormat format = choose_format(request.accept);
  const bool zipped = accepts_gzip(request.accept_encoding);
  const auto begin = [&] {
    return response.begin(200, content_type(format), zipped ? "gzip" : "");
  };
  if (request.head_only) {
    begin();
    response.finish();
    return ScrapeResult::kOk;
  }

  std::optional<Clock::time_point> deadline;
  if (const auto time = time_for(request.scrape_timeout)) {
    deadline = now_() + *time;
    response.limit(*time);
  }
  bool has_begun = false;
  bool too_late = false;
  // The status goes out with the first piece, so that an answer may still become another one.
  const auto is_late = [&] { return deadline && now_() >= *deadline; };
  const PieceSink send = [&](std::string_view piece) {
    too_late = is_late();
    if (too_late || (!has_begun && !begin())) return false;
    has_begun = true;
    if (response.write(piece)) return true;
    too_late = is_late();  // the client took so long
    return false;
  };
  std::optional<GzipStream> gzip;
  if (zipped) gzip.emplace(send);
  const std::unique_ptr<Encoder> encoder = make_encoder(
      format,
      zipped ? PieceSink([&](std::string_view piece) { return gzip->write(piece); }) : send);
  SeriesWriter writer(*encoder, view, max_series_);
  write_(writer);
  if (!writer.matched()) {
    send_line(response, false, 400, "families: none begins like that; see /metrics for all");
    return ScrapeResult::kBadRequest;
  }
  const bool whole = writer.finish() && (!gzip || gzip->finish());
  if (!whole && too_late && !has_begun) {
    send_line(response, false, 503, "no answer within X-Prometheus-Scrape-Timeout-Seconds");
  } else if (whole) {
    // Nothing at all to say, as with protobuf and a shard without series, is an answer too.
    if (!has_begun) begin();
    response.finish();
  }
  return whole ? ScrapeResult::kOk : too_late ? ScrapeResult::kDeadline : ScrapeResult::kGone;
}

std::vector<std::pair<std::string_view, std::uint64_t>> ScrapeHandler::counts() const {
  std::vector<std::pair<std::string_view, std::uint64_t>> all;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    all.emplace_back(label(static_cast<ScrapeResult>(i)),
                     counts_[i].load(std::memory_order_relaxed));
  }
  return all;
}

}  // namespace hopscope::exporter
