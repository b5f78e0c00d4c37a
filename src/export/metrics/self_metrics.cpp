#include "export/metrics/self_metrics.h"

#include <dirent.h>
#include <unistd.h>

#include <fstream>
#include <initializer_list>
#include <sstream>
#include <utility>

#ifndef HOPSCOPE_VERSION
#define HOPSCOPE_VERSION "unknown"
#endif

namespace hopscope::exporter {
namespace {

using pipeline::CounterSnapshot;
using pipeline::DecodeError;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

using Labels = std::initializer_list<std::pair<const char*, std::string>>;

/// Collects families in the order in which they are first named.
class Families {
 public:
  template <typename Number>
  void counter(const char* name, const char* help, Labels labels, Number value) {
    ClientMetric metric = with(labels);
    metric.counter.value = static_cast<double>(value);
    family(name, help, MetricType::Counter).metric.push_back(std::move(metric));
  }
  void gauge(const char* name, const char* help, Labels labels, double value) {
    ClientMetric metric = with(labels);
    metric.gauge.value = value;
    family(name, help, MetricType::Gauge).metric.push_back(std::move(metric));
  }
  void summary(const char* name, const char* help, Labels labels, std::uint64_t count,
               std::uint64_t sum) {
    ClientMetric metric = with(labels);
    metric.summary.sample_count = count;
    metric.summary.sample_sum = static_cast<double>(sum);
    family(name, help, MetricType::Summary).metric.push_back(std::move(metric));
  }
  [[nodiscard]] std::vector<MetricFamily> take() { return std::move(families_); }

 private:
  static ClientMetric with(Labels labels) {
    ClientMetric metric;
    for (const auto& [name, value] : labels) {
      ClientMetric::Label label;
      label.name = name;
      label.value = value;
      metric.label.push_back(std::move(label));
    }
    return metric;
  }

  MetricFamily& family(const char* name, const char* help, MetricType type) {
    for (MetricFamily& known : families_) {
      if (known.name == name) return known;
    }
    MetricFamily fresh;
    fresh.name = name;
    fresh.help = help;
    fresh.type = type;
    families_.push_back(std::move(fresh));
    return families_.back();
  }

  std::vector<MetricFamily> families_;
};

void add_reports(Families& families, const CounterSnapshot& total) {
  for (std::size_t version = 0; version < total.reports_by.size(); ++version) {
    for (std::size_t kind = 0; kind < kCountOf<pipeline::ReportKind>; ++kind) {
      families.counter("int_reports_total", "Telemetry reports by version and kind.",
                       {{"version", std::string(pipeline::kVersionLabels[version])},
                        {"kind", std::string(label(static_cast<pipeline::ReportKind>(kind)))}},
                       total.reports_by[version][kind]);
    }
  }
  for (std::size_t kind = 0; kind < total.events.size(); ++kind) {
    families.counter("int_events_total", "Events by kind.",
                     {{"kind", std::string(label(static_cast<pipeline::EventKind>(kind)))}},
                     total.events[kind]);
  }
}

void add_frames(Families& families, const CounterSnapshot& total) {
  families.counter("hopscope_frames_received_total", "Frames taken from the sources.", {},
                   total.frames);
  families.counter("hopscope_frames_decoded_total", "Frames accepted as reports.", {},
                   total.decoded);
  for (std::size_t i = 1; i < pipeline::kDecodeErrorCount; ++i) {
    const auto error = static_cast<DecodeError>(i);
    const std::string name(info(error).label);
    if (rejects(error)) {
      families.counter("hopscope_frames_dropped_total", "Frames refused, by reason.",
                       {{"reason", name}}, total.dropped[i]);
    }
  }
  for (std::size_t i = 1; i < pipeline::kDecodeErrorCount; ++i) {
    families.counter("hopscope_decode_errors_total",
                     "Errors found in frames; a refused frame and one used in part count here.",
                     {{"error", std::string(info(static_cast<DecodeError>(i)).label)}},
                     total.errors[i]);
  }
  families.counter("hopscope_regular_reports_total",
                   "Reports with which nothing happened but newer values: the fast path took them.",
                   {}, total.regular_reports);
  families.counter("hopscope_format_records_total",
                   "Headers declared under formats, elements of repeated groups each.", {},
                   total.format_records);
  const char* checksums = "hopscope_checksum_errors_total";
  const char* about = "Reports with a wrong checksum around them that were used all the same.";
  families.counter(checksums, about, {{"header", "ipv4"}}, total.ipv4_checksum_wrong);
  families.counter(checksums, about, {{"header", "udp"}}, total.udp_checksum_wrong);
  const char* name = "hopscope_queue_dropped_total";
  const char* help = "What a full queue between threads did not take.";
  families.counter(name, help, {{"queue", "handoff"}}, total.handoff_dropped);
  families.counter(name, help, {{"queue", "changes"}}, total.changes_dropped);
  families.counter(name, help, {{"queue", "events"}}, total.events_dropped);
}

void add_tables(Families& families, const CounterSnapshot& total) {
  for (std::size_t i = 0; i < kCountOf<pipeline::Table>; ++i) {
    const std::string table(label(static_cast<pipeline::Table>(i)));
    families.gauge("hopscope_table_capacity", "Rows that there is room for, in all workers.",
                   {{"table", table}}, static_cast<double>(total.capacity[i]));
    families.gauge("hopscope_table_entries", "Rows in use.", {{"table", table}},
                   static_cast<double>(total.entries[i]));
    families.counter("hopscope_table_refused_total", "Keys that a full table did not take.",
                     {{"table", table}}, total.refused[i]);
    families.counter("hopscope_table_evicted_total", "Rows given up for newer keys.",
                     {{"table", table}}, total.evicted[i]);
    families.counter("hopscope_table_expired_total", "Rows forgotten after the idle time.",
                     {{"table", table}}, total.expired[i]);
  }
}

void add_workers(Families& families, const pipeline::TableView& tables) {
  for (std::size_t i = 0; i < tables.worker_count(); ++i) {
    const CounterSnapshot worker = tables.counters(i);
    const std::string id = std::to_string(i);
    const auto busy = static_cast<double>(worker.busy_ns);
    families.gauge("hopscope_worker_busy_ratio",
                   "Share of the last second or so in which a worker had frames.", {{"worker", id}},
                   static_cast<double>(worker.busy_ppm) / 1e6);
    families.counter("hopscope_worker_busy_seconds_total", "Time that a worker had frames.",
                     {{"worker", id}}, busy / 1e9);
    families.summary("hopscope_frames_per_poll", "Frames in the polls that brought any.",
                     {{"worker", id}}, worker.batches, worker.frames);
  }
}

void add_source(Families& families, const io::FrameSource& source) {
  const io::SourceDescription what = source.description();
  const io::SourceStatistics count = source.statistics();
  const std::string queue = std::to_string(what.queue);
  families.gauge("hopscope_xdp_mode_info", "How frames are received; always 1.",
                 {{"interface", what.interface},
                  {"queue", queue},
                  {"mode", what.mode},
                  {"zero_copy", what.zero_copy ? "true" : "false"},
                  {"reason", what.reason}},
                 1);
  const Labels where{{"interface", what.interface}, {"queue", queue}};
  families.counter("hopscope_source_lost_total",
                   "Frames that a source had no buffer for, or that were longer than one.", where,
                   count.lost);
  families.counter("hopscope_source_wakeups_total", "System calls made to wake the driver.", where,
                   count.wakeups);
  families.counter("hopscope_source_polls_total", "Polls of a source.", where, count.polls);
  families.counter("hopscope_source_empty_polls_total", "Polls that brought nothing.", where,
                   count.empty_polls);
  if (what.kind != "af_xdp") return;
  families.counter("hopscope_xsk_rx_dropped_total",
                   "Frames that the kernel dropped for want of a free frame or for their size.",
                   where, count.xsk_rx_dropped);
  families.counter("hopscope_xsk_rx_ring_full_total", "Frames dropped because the ring was full.",
                   where, count.xsk_rx_ring_full);
  families.counter("hopscope_xsk_rx_fill_ring_empty_descs_total",
                   "Times that the fill ring was empty; in copy mode also in rx_dropped.", where,
                   count.xsk_rx_fill_ring_empty_descs);
  families.counter("hopscope_xsk_rx_invalid_descs_total", "Invalid descriptors on the fill ring.",
                   where, count.xsk_rx_invalid_descs);
  families.counter("hopscope_xsk_tx_invalid_descs_total", "Invalid descriptors on the TX ring.",
                   where, count.xsk_tx_invalid_descs);
  families.counter("hopscope_xsk_tx_ring_empty_descs_total", "Times that the TX ring was empty.",
                   where, count.xsk_tx_ring_empty_descs);
  families.counter("hopscope_multi_buffer_frames_total",
                   "Frames that came in several buffers and were put together.", where,
                   count.multi_buffer_frames);
  const auto lost = [&](const char* reason, std::uint64_t value) {
    families.counter("hopscope_multi_buffer_lost_total",
                     "Frames of several buffers that were not put together; in source_lost too.",
                     {{"interface", what.interface}, {"queue", queue}, {"reason", reason}}, value);
  };
  lost("too_long", count.multi_buffer_too_long);
  lost("no_place", count.multi_buffer_no_place);
  const auto frames = [&](const char* state, std::uint64_t value) {
    families.gauge("hopscope_umem_frames",
                   "Frames of the UMEM: fill + rx + held = total; with zero-copy the NIC has the "
                   "rest.",
                   {{"interface", what.interface}, {"queue", queue}, {"state", state}},
                   static_cast<double>(value));
  };
  frames("total", count.frames_total);
  frames("fill", count.frames_in_fill);
  frames("rx", count.frames_in_rx);
  frames("held", count.frames_held);
}

void add_http(Families& families, const HttpCounters& http) {
  for (std::size_t i = 0; i < HttpCounters::kCodes.size(); ++i) {
    const int code = HttpCounters::kCodes[i];
    families.counter("hopscope_http_requests_total", "Requests answered, by status code.",
                     {{"code", code == 0 ? "other" : std::to_string(code)}}, http.answers(i));
  }
  for (std::size_t i = 0; i < kHttpRefusalLabels.size(); ++i) {
    families.counter("hopscope_http_connections_refused_total",
                     "HTTP connections refused or ended before they were served, by reason.",
                     {{"reason", std::string(kHttpRefusalLabels[i])}}, http.refusals(i));
  }
  families.gauge("hopscope_http_connections", "HTTP connections that are open.", {},
                 static_cast<double>(http.open()));
}

/// Fields of /proc/self/stat behind the name, which may hold spaces.
std::vector<std::string> process_fields() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t end_of_name = line.rfind(')');
  std::vector<std::string> fields;
  if (end_of_name == std::string::npos) return fields;
  std::istringstream rest(line.substr(end_of_name + 1));
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

double boot_time_s() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("btime ", 0) == 0) return std::stod(line.substr(6));
  }
  return 0;
}

void add_process(Families& families) {
  const std::vector<std::string> fields = process_fields();
  if (fields.size() > 21) {
    const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    families.gauge("process_resident_memory_bytes", "Resident memory.", {},
                   std::stod(fields[21]) * static_cast<double>(sysconf(_SC_PAGESIZE)));
    families.gauge("process_start_time_seconds", "Start of the process since the epoch.", {},
                   boot_time_s() + std::stod(fields[19]) / ticks);
    families.gauge("process_virtual_memory_bytes", "Virtual memory.", {}, std::stod(fields[20]));
    const double cpu_s = (std::stod(fields[11]) + std::stod(fields[12])) / ticks;
    families.counter("process_cpu_seconds_total", "CPU time, user and system.", {}, cpu_s);
  }
  double open_fds = 0;
  if (DIR* directory = opendir("/proc/self/fd")) {
    while (readdir(directory) != nullptr) ++open_fds;
    closedir(directory);
    open_fds -= 3;  // ".", ".." and the directory itself
  }
  families.gauge("process_open_fds", "Open file descriptors.", {}, open_fds);
}

void add_sink(Families& families, const SinkCount& sink) {
  const DeliveryCounts& counts = sink.counts;
  const std::string& name = sink.sink;
  families.gauge("hopscope_sink_info", "A sink and what it is; always 1.",
                 {{"sink", name}, {"kind", sink.kind}}, 1);
  families.counter("hopscope_sink_records_total", "Records made for a sink.", {{"sink", name}},
                   counts.produced);
  families.counter("hopscope_sink_recovered_total", "Records found in a sink's spool at start.",
                   {{"sink", name}}, counts.recovered);
  families.counter("hopscope_sink_delivered_total", "Records that the other side has taken.",
                   {{"sink", name}}, counts.delivered);
  for (std::size_t i = 0; i < counts.dropped.size(); ++i) {
    families.counter("hopscope_sink_dropped_total", "Records that a sink lost, by reason.",
                     {{"sink", name}, {"reason", std::string(label(static_cast<DropReason>(i)))}},
                     counts.dropped[i]);
  }
  const char* pending = "hopscope_sink_pending";
  const char* help = "Records that wait; where is memory, or spool for those on the disk only.";
  families.gauge(pending, help, {{"sink", name}, {"where", "memory"}},
                 static_cast<double>(counts.in_memory));
  families.gauge(pending, help, {{"sink", name}, {"where", "spool"}},
                 static_cast<double>(counts.in_spool));
  for (std::size_t i = 0; i < static_cast<std::size_t>(SinkState::kCount); ++i) {
    const auto state = static_cast<SinkState>(i);
    families.gauge("hopscope_sink_state", "1 for the state that a sink is in, 0 for the others.",
                   {{"sink", name}, {"state", std::string(label(state))}},
                   state == counts.state ? 1 : 0);
  }
  families.gauge("hopscope_sink_spool_bytes", "Size of a sink's spool.", {{"sink", name}},
                 static_cast<double>(counts.spool_bytes));
  families.gauge("hopscope_sink_spool_failing",
                 "1 while the disk of a sink's spool refuses writes, 0 else.", {{"sink", name}},
                 counts.spool_failing ? 1 : 0);
  families.gauge("hopscope_sink_spool_unwritten",
                 "Records on their way to the spool's files: a crash would take them.",
                 {{"sink", name}}, static_cast<double>(counts.spool_unwritten));
  families.gauge("hopscope_sink_spool_kept",
                 "Delivered records that the spool keeps for keep_delivered.", {{"sink", name}},
                 static_cast<double>(counts.spool_kept));
  families.counter("hopscope_sink_sent_again_total",
                   "Delivered records that were sent again because a connection had ended.",
                   {{"sink", name}}, counts.sent_again);
  families.counter("hopscope_sink_batches_total", "Batches that the other side has taken.",
                   {{"sink", name}}, counts.batches);
  families.counter("hopscope_sink_retries_total", "Attempts that failed and are made again.",
                   {{"sink", name}}, counts.retries);
  families.counter("hopscope_sink_suppressed_total",
                   "Values that a sink left out because of its cap on series.", {{"sink", name}},
                   counts.suppressed);
  families.counter("hopscope_sink_bytes_total", "Bytes of delivered records, uncompressed.",
                   {{"sink", name}}, counts.bytes_delivered);
}

}  // namespace

std::vector<MetricFamily> collect_self_metrics(const SelfMetricsInput& input) {
  Families families;
  const CounterSnapshot total = input.tables->total();
  add_reports(families, total);
  add_frames(families, total);
  add_tables(families, total);
  add_workers(families, *input.tables);
  for (const io::FrameSource* source : input.sources) {
    if (source != nullptr) add_source(families, *source);
  }
  if (input.health) {
    for (const HealthCheck& check : input.health()) {
      families.gauge("hopscope_healthy", "What /healthz says of each of its checks: 1 well, 0 not.",
                     {{"check", check.name}}, check.ok ? 1 : 0);
    }
  }
  if (input.xdp) {
    for (const XdpCount& count : input.xdp()) {
      families.counter("hopscope_xdp_verdicts_total",
                       "Frames seen by the XDP program; all but redirected went to the kernel.",
                       {{"interface", count.interface}, {"verdict", count.verdict}}, count.frames);
    }
  }
  if (input.sinks) {
    for (const SinkCount& sink : input.sinks()) add_sink(families, sink);
  }
  if (input.http != nullptr) add_http(families, *input.http);
  for (const auto& [family, count] : input.suppressed) {
    families.gauge("hopscope_series_suppressed",
                   "What this scrape left out: flows beyond top_k or max_series, and series beyond "
                   "the cap of their family.",
                   {{"family", family}}, static_cast<double>(count));
  }
  for (const auto& [result, count] : input.scrapes) {
    families.counter("hopscope_scrapes_total",
                     "Scrapes by how they ended: ok; deadline, given up before the scraper would; "
                     "gone, the scraper went away; refused, too many at a time; bad_request.",
                     {{"result", std::string(result)}}, count);
  }
  families.gauge("hopscope_build_info", "Version of the program; always 1.",
                 {{"version", HOPSCOPE_VERSION}, {"compiler", __VERSION__}}, 1);
  add_process(families);
  return families.take();
}

void write_self_metrics(const SelfMetricsInput& input, SeriesWriter& out) {
  for (const MetricFamily& family : collect_self_metrics(input)) {
    if (!out.view().wants_unswitched()) {
      out.skip(family.name);
      continue;
    }
    const FamilyType type = family.type == MetricType::Counter   ? FamilyType::kCounter
                            : family.type == MetricType::Summary ? FamilyType::kSummary
                                                                 : FamilyType::kGauge;
    if (!out.begin({family.name, type, family.help})) continue;
    for (const ClientMetric& metric : family.metric) {
      out.labels.clear();
      for (const ClientMetric::Label& label : metric.label) out.labels.add(label.name, label.value);
      if (type == FamilyType::kCounter) {
        out.sample(metric.counter.value);
      } else if (type == FamilyType::kSummary) {
        out.summary(metric.summary.sample_count, metric.summary.sample_sum);
      } else {
        out.sample(metric.gauge.value);
      }
    }
  }
}

}  // namespace hopscope::exporter
