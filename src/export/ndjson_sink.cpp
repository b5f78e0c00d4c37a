#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include "export/event_sink.h"
#include "export/scale.h"
#include "io/setup_error.h"
#include "pipeline/flow_record.h"

namespace hopscope::exporter {
namespace {

using pipeline::Event;
using pipeline::EventKind;
using pipeline::Measurement;

/// As a JSON string with its quotes.
void append_string(std::string& to, std::string_view text) {
  to += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      to += '\\';
      to += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(to), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      to += c;
    }
  }
  to += '"';
}

/// RFC 3339 in UTC with nanoseconds.
void append_time(std::string& to, std::int64_t time_ns) {
  const std::int64_t ns = ((time_ns % 1'000'000'000) + 1'000'000'000) % 1'000'000'000;
  const time_t seconds = (time_ns - ns) / 1'000'000'000;
  tm parts{};
  gmtime_r(&seconds, &parts);
  fmt::format_to(std::back_inserter(to), "\"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z\"",
                 parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
                 parts.tm_sec, ns);
}

void append_flow(std::string& to, const pipeline::FlowKey& flow) {
  fmt::format_to(std::back_inserter(to),
                 R"(,"flow":{{"src":"{}","dst":"{}","sport":{},"dport":{},"proto":"{}"}})",
                 address_text(flow.source), address_text(flow.destination), flow.source_port,
                 flow.destination_port, protocol_text(flow.protocol));
}

/// {"service_path_id":7,...}; numbers above 53 bits as text, as JSON has no place for them.
void append_format(std::string& to, const Event& event, const Names& names) {
  const FormatNames& format = names.formats()[event.format];
  to += ",\"format\":";
  append_string(to, format.config().name);
  to += ",\"key\":{";
  const char* separator = "";
  for (const auto& [name, value] : format.labels(event.format_key)) {
    to += separator;
    append_string(to, name);
    to += ':';
    if (value.size() > 15) {
      append_string(to, value);
    } else {
      to += value;
    }
    separator = ",";
  }
  to += '}';
  if (!event.has_format_value) return;
  const pipeline::FormatMeasurement& measurement = format.config().measurements[event.format_value];
  to += ",\"field\":";
  append_string(to, measurement.field);
  fmt::format_to(std::back_inserter(to), ",\"old\":{},\"new\":{}",
                 scaled(static_cast<double>(event.old_value), measurement.scale),
                 scaled(static_cast<double>(event.new_value), measurement.scale));
}

void append_path(std::string& to, const char* key, const pipeline::Path& path, const Names& names) {
  fmt::format_to(std::back_inserter(to), ",\"{}\":[", key);
  for (unsigned i = 0; i < path.count; ++i) {
    if (i > 0) to += ',';
    append_string(to, names.switch_name(path.switch_id[i]));
  }
  to += ']';
}

/// Seconds per raw unit of a latency; 0 for what is no latency.
double latency_unit_s(const Event& event, const Names& names) {
  switch (event.measurement) {
    case Measurement::kFlowLatency:
      return 1e-9;
    case Measurement::kHopLatency:
      return names.profile(event.switch_id).latency_unit_s;
    default:
      return 0;
  }
}

void append_values(std::string& to, const Event& event, const Names& names) {
  auto out = std::back_inserter(to);
  if (event.measurement == Measurement::kFlow || event.has_format) return;
  if (event.has_old) fmt::format_to(out, ",\"old\":{}", event.old_value);
  fmt::format_to(out, ",\"new\":{}", event.new_value);
  if (event.measurement == Measurement::kFlowLatency) {
    to += event.timed ? ",\"by\":\"clocks\"" : ",\"by\":\"hops\"";
  }
  const double unit_s = latency_unit_s(event, names);
  if (unit_s > 0) {
    if (event.has_old) {
      fmt::format_to(out, ",\"old_seconds\":{}",
                     scaled(static_cast<double>(event.old_value), unit_s));
    }
    fmt::format_to(out, ",\"new_seconds\":{}",
                   scaled(static_cast<double>(event.new_value), unit_s));
  }
  if (event.measurement == Measurement::kDropReason) {
    to += ",\"reason\":";
    append_string(to,
                  names.drop_reason(event.switch_id, static_cast<std::uint32_t>(event.new_value)));
  }
}

bool is_regular(int fd) noexcept {
  struct stat status {};
  return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

void append_event_json(std::string& to, const Event& event, const Names& names) {
  auto out = std::back_inserter(to);
  fmt::format_to(out, R"({{"kind":"{}","measurement":"{}","time":)", label(event.kind),
                 label(event.measurement));
  append_time(to, event.receive_time_ns);
  fmt::format_to(out, ",\"receive_time_ns\":{}", event.receive_time_ns);
  if (event.has_switch_time) {
    fmt::format_to(out, ",\"switch_time\":{}", event.switch_time);
    if (event.time_switch_id != pipeline::kNoSwitch) {
      fmt::format_to(out, ",\"time_switch\":{}", event.time_switch_id);
    }
  }
  if (event.has_sender) {
    fmt::format_to(out, R"(,"source":"{}","hw_id":{})", address_text(event.flow.source),
                   event.hw_id);
  }
  if (event.has_flow) append_flow(to, event.flow);
  if (event.has_switch) {
    fmt::format_to(out, ",\"switch\":{}", event.switch_id);
    if (names.has_name(event.switch_id)) {
      to += ",\"switch_name\":";
      append_string(to, names.switch_name(event.switch_id));
    }
  }
  if (event.has_port) fmt::format_to(out, ",\"port\":{}", event.port);
  if (event.has_queue) fmt::format_to(out, ",\"queue\":{}", event.queue);
  if (event.has_format) append_format(to, event, names);
  append_values(to, event, names);
  if (event.kind == EventKind::kPathChange) append_path(to, "old_path", event.old_path, names);
  if (event.new_path.count > 0) append_path(to, "path", event.new_path, names);
  to += '}';
}

NdjsonSink::NdjsonSink(std::string path, const Names& names)
    : path_(std::move(path)), names_(names) {
  if (!open_file()) {
    throw io::SetupError(
        fmt::format("cannot open the event file {}: {}", path_,
                    errno == ENXIO ? "a FIFO that nobody reads" : std::strerror(errno)));
  }
}

NdjsonSink::~NdjsonSink() {
  if (fd_ > STDERR_FILENO) close(fd_);
}

bool NdjsonSink::open_file() noexcept {
  if (path_ == "-") {
    fd_ = STDOUT_FILENO;
    is_file_ = is_regular(fd_);
    return true;
  }
  // Without waiting: a FIFO may have no reader, and then it is an error.
  const int fd = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0644);
  if (fd < 0) return false;
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
  is_file_ = is_regular(fd_);
  broken_line_ = false;
  return true;
}

std::string NdjsonSink::reopen() {
  if (open_file()) return "";
  return fmt::format("cannot open the event file {} anew: {}; the old one goes on", path_,
                     std::strerror(errno));
}

/// Room for a piece. Waits for the reader, but once it is to hurry for a moment only, however
/// steadily the reader goes on; then false for good.
bool NdjsonSink::wait_for_room() noexcept {
  constexpr int kWaitMs = 100;
  constexpr auto kLeft = std::chrono::milliseconds(300);
  pollfd room{.fd = fd_, .events = POLLOUT, .revents = 0};
  while (!given_up_) {
    const auto now = std::chrono::steady_clock::now();
    if (hurry_.load(std::memory_order_relaxed)) {
      if (!deadline_) deadline_ = now + kLeft;
      given_up_ = now >= *deadline_;
    }
    if (!given_up_ && poll(&room, 1, kWaitMs) != 0) return true;
  }
  return false;
}

std::size_t NdjsonSink::write_some(std::string_view text) noexcept {
  std::size_t done = 0;
  while (done < text.size()) {
    if (!is_file_ && !wait_for_room()) break;
    // A pipe that has room at all has room for this much.
    const std::size_t piece =
        is_file_ ? text.size() - done : std::min<std::size_t>(PIPE_BUF, text.size() - done);
    const ssize_t n = ::write(fd_, text.data() + done, piece);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

void NdjsonSink::write(std::span<const Event> events) {
  buffer_.clear();
  for (const Event& event : events) {
    append_event_json(buffer_, event, names_);
    buffer_ += '\n';
  }
  // What an earlier failure left of a line is ended first, so that only that line is bad.
  if (broken_line_ && write_some("\n") == 1) broken_line_ = false;
  const std::size_t done = broken_line_ ? 0 : write_some(buffer_);
  const auto whole = static_cast<std::size_t>(
      std::count(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(done), '\n'));
  broken_line_ = broken_line_ || (done > 0 && buffer_[done - 1] != '\n');
  written_.add(whole);
  failed_.add(events.size() - whole);
}

}  // namespace hopscope::exporter
