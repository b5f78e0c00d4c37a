// The section `export`: name, meaning, unit and range of each key, and the field that it sets.

#include "app/config/schema_parts.h"

namespace hopscope::app {
namespace {

void spool(Visitor& v, exporter::SpoolLimits& spool) {
  v.enter("spool",
          "On the disk: every record is written here before it is sent and removed when the store "
          "has it, so that neither an outage nor a crash loses records.");
  v.text({"directory", "A directory for this sink alone; empty: no spool."}, spool.directory);
  v.size({"max_bytes", "Above this size the oldest records are dropped and counted."},
         spool.max_bytes);
  v.duration(
      {"max_age", "Older records are dropped and counted; 0: no limit.", "", 0, 365 * 86400.0},
      spool.max_age_s);
  v.duration({"sync_interval", "The last records that a power failure may lose.", "", 0.01, 3600},
             spool.sync_interval_s);
  v.duration({"keep_delivered",
              "Records are kept this long after the store acknowledged them, and sent again if its "
              "connection ends before: for stores that acknowledge before they write to disk.",
              "", 0, 3600},
             spool.keep_delivered_s);
  v.leave();
}

void delivery(Visitor& v, exporter::DeliveryOptions& delivery) {
  v.enter("delivery", "How records are sent.");
  integer(v, {"batch_records", "Maximum records of a batch.", "records", 1, 1'000'000},
          delivery.batch_records);
  v.size({"batch_bytes", "Maximum bytes of a batch, before compression."}, delivery.batch_bytes);
  v.duration(
      {"batch_age", "A record waits no longer than this for its batch to fill.", "", 0, 3600},
      delivery.batch_age_s);
  v.size({"memory_bytes",
          "Maximum of records in memory; above it they are spooled, or the oldest dropped."},
         delivery.memory_bytes);
  v.duration({"retry_first", "Wait after the first failure; doubled with each, with jitter.", "",
              0.01, 3600},
             delivery.retry_first_s);
  v.duration({"retry_most", "Maximum wait between attempts.", "", 0.01, 86400},
             delivery.retry_most_s);
  v.number({"replay_rate", "Records per second read back from the spool; 0: no limit.", "", 0, 1e9},
           delivery.replay_rate);
  v.duration({"stop_timeout", "At shutdown, time to send the remaining records.", "", 0, 600},
             delivery.stop_timeout_s);
  spool(v, delivery.spool);
  v.leave();
}

/// A secret is never a value of the configuration: two keys name the file or variable that has it.
void secret(Visitor& v, const Key& file, const Key& env, SecretSource& source) {
  v.text(file, source.file);
  v.text(env, source.env);
}

void http_push(Visitor& v, exporter::HttpPushOptions& http) {
  v.text({"username", "Basic authentication; empty: none."}, http.username);
  secret(v, {"password_file", "File with the password."},
         {"password_env", "Or the environment variable that has it."}, http.password);
  secret(v, {"token_file", "File with the token (Authorization: Bearer; Token for InfluxDB 2.x)."},
         {"token_env", "Or the environment variable that has it."}, http.token);
  v.text({"ca_file", "Authority of the server's certificate; empty: those that the system trusts."},
         http.ca_file);
  v.text({"certificate_file", "Client certificate; empty: none."}, http.certificate_file);
  v.text({"key_file", "Its key."}, http.key_file);
  v.boolean({"verify", "Refuse servers whose certificate is not valid."}, http.verify);
  v.duration({"timeout", "Limit for a request and its answer.", "", 0.1, 600}, http.timeout_s);
}

void switch_time_window(Visitor& v, double& window_s) {
  v.duration({"switch_time_window",
              "The switch's time is the timestamp if it differs from the receive time by at most "
              "this; else the receive time is.",
              "", 0, 86400},
             window_s);
}

void influxdb(Visitor& v, std::vector<exporter::InfluxOptions>& sinks) {
  v.list(
      "influxdb",
      "Push by InfluxDB line protocol: InfluxDB, VictoriaMetrics, vmagent, QuestDB, Telegraf.",
      sinks.size(), [&](std::size_t count) { sinks.assign(count, exporter::InfluxOptions{}); },
      [&](std::size_t i) {
        exporter::InfluxOptions& sink = sinks[i];
        v.text({"name", "Label of its metrics."}, sink.name);
        v.text({"url", "http://host:8086 or https://..., without the path of the API."},
               sink.http.url);
        choice(v, {"version", "v1: /write with database; v2: /api/v2/write with bucket."},
               {"v1", "v2"}, sink.version);
        v.text({"database", "v1."}, sink.database);
        v.text({"retention_policy", "v1; empty: the default one."}, sink.retention_policy);
        v.text({"organization", "v2."}, sink.organization);
        v.text({"bucket", "v2."}, sink.bucket);
        choice(v,
               {"precision",
                "Of timestamps, and the minimum distance of points of a series; ms for "
                "VictoriaMetrics, which stores milliseconds. The spool must be empty when this is "
                "changed."},
               {"ns", "us", "ms", "s"}, sink.precision);
        v.boolean({"events", "Events when they happen."}, sink.events);
        v.boolean({"values", "Rows of the tables every export.values_interval."}, sink.values);
        v.boolean({"flow_tags",
                   "5-tuples as tags, so that each flow is a series: many stores handle only about "
                   "100,000. Else they are fields."},
                  sink.flow_tags);
        v.boolean({"text_fields",
                   "5-tuples, paths and other texts as fields; VictoriaMetrics turns them into "
                   "series without a useful value."},
                  sink.text_fields);
        switch_time_window(v, sink.switch_time_window_s);
        v.boolean({"gzip", "Compress requests."}, sink.http.gzip);
        http_push(v, sink.http);
        delivery(v, sink.delivery);
      });
}

void remote_write(Visitor& v, std::vector<exporter::RemoteWriteOptions>& sinks) {
  v.list(
      "remote_write", "Push by Prometheus remote write 1.0.", sinks.size(),
      [&](std::size_t count) { sinks.assign(count, exporter::RemoteWriteOptions{}); },
      [&](std::size_t i) {
        exporter::RemoteWriteOptions& sink = sinks[i];
        v.text({"name", "Label of its metrics."}, sink.name);
        v.text({"url", "With its path: http://host:9090/api/v1/write."}, sink.http.url);
        v.boolean({"events", "Values when they move, and counts of events."}, sink.events);
        v.boolean({"values", "Rows of the tables every export.values_interval."}, sink.values);
        v.boolean({"flow_labels", "Series per flow: Prometheus handles only about 100,000."},
                  sink.flow_labels);
        v.text_map({"labels", "Labels of every series."}, sink.labels);
        integer(v,
                {"max_series", "Maximum series; samples of others are dropped and counted.",
                 "series", 1, 100'000'000},
                sink.max_series);
        switch_time_window(v, sink.switch_time_window_s);
        http_push(v, sink.http);
        delivery(v, sink.delivery);
      });
}

void tls(Visitor& v, exporter::TlsOptions& tls) {
  v.enter("tls", "HTTPS instead of HTTP; SIGHUP reads the files again. docs/http.md has examples.");
  v.text({"certificate", "PEM file with the certificate and its chain; empty: plain HTTP."},
         tls.certificate);
  v.text({"key", "PEM file with its key."}, tls.key);
  v.text({"client_ca",
          "PEM file with authorities: clients must have a certificate of one of them. Empty: "
          "clients need none."},
         tls.client_ca);
  choice(v, {"min_version", "Minimum version of TLS."}, {"1.2", "1.3"}, tls.min_version);
  v.leave();
}

void auth(Visitor& v, exporter::HttpAuthOptions& auth) {
  v.enter("auth",
          "Who may read the pages: the users and tokens of these lists; everybody if both are "
          "empty. SIGHUP reads the files again.");
  v.list(
      "users", "For basic authentication.", auth.users.size(),
      [&](std::size_t count) { auth.users.assign(count, {}); },
      [&](std::size_t i) {
        v.text({"name", "Name without a colon."}, auth.users[i].name);
        secret(v, {"password_file", "File with the password."},
               {"password_env", "Or the environment variable that has it."},
               auth.users[i].password);
      });
  v.list(
      "tokens", "For bearer authentication.", auth.tokens.size(),
      [&](std::size_t count) { auth.tokens.assign(count, {}); },
      [&](std::size_t i) {
        secret(v, {"token_file", "File with the token."},
               {"token_env", "Or the environment variable that has it."}, auth.tokens[i]);
      });
  v.boolean({"open_probes",
             "/healthz and /readyz need no authentication, for probes without password and "
             "certificate."},
            auth.open_probes);
  v.leave();
}

void http(Visitor& v, exporter::HttpOptions& http) {
  v.enter("http", "Server for /metrics, /healthz, /readyz and /sources.");
  v.boolean({"enabled", "Listen."}, http.enabled);
  v.text({"listen", "address:port or [address]:port. If not loopback, tls and auth should be set."},
         http.listen);
  integer(v,
          {"threads", "Threads that answer requests; all but two of them may serve /metrics.", "",
           3, 64},
          http.threads);
  integer(v,
          {"connections",
           "Maximum open connections. Above it, those that have waited longest for their client "
           "are closed.",
           "", 8, 65536},
          http.connections);
  duration_in(
      v,
      {"header_timeout", "From the connection to the end of the request's header.", "", 0.1, 600},
      1e-3, http.header_timeout_ms);
  duration_in(v, {"request_timeout", "Limit for sending the answer to the client.", "", 0.1, 600},
              1e-3, http.request_timeout_ms);
  duration_in(v, {"idle_timeout", "An unused connection is closed after this time.", "", 0.1, 3600},
              1e-3, http.idle_timeout_ms);
  integer(v,
          {"header_bytes", "Maximum header of a request; its first line may have half of it.",
           "bytes", 1024, 1 << 20},
          http.header_bytes);
  tls(v, http.tls);
  auth(v, http.auth);
  v.leave();
}

}  // namespace

void describe_export(Visitor& v, exporter::ExportOptions& exports) {
  v.enter("export", "Metrics, events and rows for other systems.");
  http(v, exports.http);
  integer(v,
          {"max_series", "Maximum series of a metric family in an answer; the others are counted.",
           "series", 1, 100'000'000},
          exports.max_series);
  v.enter("flows", "Series per flow.");
  choice(v, {"series", "None, those of the top_k flows, or of all up to max_series."},
         {"off", "top_k", "all"}, exports.flows.series);
  integer(v, {"top_k", "How many flows.", "flows", 1, 1'000'000}, exports.flows.top_k);
  choice(v, {"by", "How flows are ranked."}, {"reports", "latency", "drops"}, exports.flows.by);
  integer(v,
          {"max_series", "Maximum flows with series, for every value of series.", "flows", 1,
           10'000'000},
          exports.flows.max_series);
  v.leave();
  v.enter("events", "Events as NDJSON, one object a line.");
  std::string path = exports.event_file.enabled ? exports.event_file.path : "";
  v.text({"file", "File to append to, - for the standard output; empty: none."}, path);
  exports.event_file.enabled = !path.empty();
  exports.event_file.path = path;
  v.leave();
  v.duration({"values_interval",
              "Interval at which all rows of the tables are pushed, changed or not; 0: never.", "",
              0, 86400},
             exports.values_interval_s);
  influxdb(v, exports.influxdb);
  remote_write(v, exports.remote_write);
  v.leave();
}

}  // namespace hopscope::app
