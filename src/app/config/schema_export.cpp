// The section `export`: name, meaning, unit and range of each key, and the field that it sets.

#include "app/config/schema_parts.h"

namespace hopscope::app {
namespace {

void spool(Visitor& v, exporter::SpoolLimits& spool) {
  v.enter("spool",
          "On the disk: every record is written here before it is sent and leaves when the other "
          "side has it, so that neither an outage nor a crash loses one.");
  v.text({"directory", "A directory of this sink's own; empty: no spool."}, spool.directory);
  v.size({"max_bytes", "Beyond it the oldest records go, counted."}, spool.max_bytes);
  v.duration({"max_age", "Older records go, counted; 0: whatever their age.", "", 0, 365 * 86400.0},
             spool.max_age_s);
  v.duration({"sync_interval", "What a power cut may take.", "", 0.01, 3600},
             spool.sync_interval_s);
  v.duration({"keep_delivered",
              "Records leave so long after the other side has said yes, and are sent again if its "
              "connection ends before: for stores that say yes before it is on their disk.",
              "", 0, 3600},
             spool.keep_delivered_s);
  v.leave();
}

void delivery(Visitor& v, exporter::DeliveryOptions& delivery) {
  v.enter("delivery", "How records get there.");
  integer(v, {"batch_records", "Records of a batch at most.", "records", 1, 1'000'000},
          delivery.batch_records);
  v.size({"batch_bytes", "Bytes of a batch at most, before compression."}, delivery.batch_bytes);
  v.duration({"batch_age", "A record waits no longer for others to come.", "", 0, 3600},
             delivery.batch_age_s);
  v.size({"memory_bytes", "What waits in memory at most; beyond it the spool, or the oldest go."},
         delivery.memory_bytes);
  v.duration({"retry_first", "Wait after the first failure; doubled with each, with jitter.", "",
              0.01, 3600},
             delivery.retry_first_s);
  v.duration({"retry_most", "Longest wait between attempts.", "", 0.01, 86400},
             delivery.retry_most_s);
  v.number({"replay_rate", "Records per second read back from the spool; 0: no limit.", "", 0, 1e9},
           delivery.replay_rate);
  v.duration({"stop_timeout", "At the end, time for what is left.", "", 0, 600},
             delivery.stop_timeout_s);
  spool(v, delivery.spool);
  v.leave();
}

/// A secret is never a value of the configuration: two keys say where it is found.
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
  v.text({"ca_file", "Who signed the server's certificate; empty: those that the system trusts."},
         http.ca_file);
  v.text({"certificate_file", "Certificate to show the server; empty: none."},
         http.certificate_file);
  v.text({"key_file", "Its key."}, http.key_file);
  v.boolean({"verify", "Refuse servers whose certificate is not right."}, http.verify);
  v.duration({"timeout", "An answer must be there by then.", "", 0.1, 600}, http.timeout_s);
}

void switch_time_window(Visitor& v, double& window_s) {
  v.duration({"switch_time_window",
              "The switch's time is the timestamp if it is that close to the receive time; else "
              "that is.",
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
                "Of timestamps, and how far apart points of a series are at least; ms for "
                "VictoriaMetrics, which keeps no finer ones. The spool must be empty when it is "
                "changed."},
               {"ns", "us", "ms", "s"}, sink.precision);
        v.boolean({"events", "Events when they happen."}, sink.events);
        v.boolean({"values", "Rows of the tables every export.values_interval."}, sink.values);
        v.boolean({"flow_tags",
                   "5-tuples as tags, so that each flow is a series: many stores bear some "
                   "100,000 only. Else they are fields."},
                  sink.flow_tags);
        v.boolean({"text_fields",
                   "5-tuples, paths and the like as fields; VictoriaMetrics makes series of them "
                   "whose value says nothing."},
                  sink.text_fields);
        switch_time_window(v, sink.switch_time_window_s);
        v.boolean({"gzip", "Compress what is sent."}, sink.http.gzip);
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
        v.boolean({"flow_labels", "Series per flow: Prometheus bears some 100,000 only."},
                  sink.flow_labels);
        v.text_map({"labels", "Labels of every series."}, sink.labels);
        integer(v,
                {"max_series", "Series at most; samples of others are left out, counted.", "series",
                 1, 100'000'000},
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
          "PEM file with authorities: clients must show a certificate of one of them. Empty: need "
          "not."},
         tls.client_ca);
  choice(v, {"min_version", "Least version of TLS."}, {"1.2", "1.3"}, tls.min_version);
  v.leave();
}

void auth(Visitor& v, exporter::HttpAuthOptions& auth) {
  v.enter("auth",
          "Who may read the pages: any of the users and tokens; with none of them, everybody. "
          "SIGHUP reads the files again.");
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
             "/healthz and /readyz answer everybody, for probes that know no password and have no "
             "certificate."},
            auth.open_probes);
  v.leave();
}

void http(Visitor& v, exporter::HttpOptions& http) {
  v.enter("http", "Server for /metrics, /healthz, /readyz and /sources.");
  v.boolean({"enabled", "Listen."}, http.enabled);
  v.text({"listen", "address:port, [address]:port. Beyond loopback, tls and auth should be set."},
         http.listen);
  integer(v,
          {"threads", "Threads that answer requests; all but two of them may serve /metrics.", "",
           3, 64},
          http.threads);
  integer(v,
          {"connections",
           "Connections at a time. When there are more, those that wait longest for their client "
           "are closed.",
           "", 8, 65536},
          http.connections);
  duration_in(
      v,
      {"header_timeout", "From the connection to the end of the request's header.", "", 0.1, 600},
      1e-3, http.header_timeout_ms);
  duration_in(v,
              {"request_timeout", "The client must have taken the answer by then.", "", 0.1, 600},
              1e-3, http.request_timeout_ms);
  duration_in(v, {"idle_timeout", "A connection may be unused for so long.", "", 0.1, 3600}, 1e-3,
              http.idle_timeout_ms);
  integer(v,
          {"header_bytes", "Longest header of a request; its first line may have half of it.",
           "bytes", 1024, 1 << 20},
          http.header_bytes);
  tls(v, http.tls);
  auth(v, http.auth);
  v.leave();
}

}  // namespace

void describe_export(Visitor& v, exporter::ExportOptions& exports) {
  v.enter("export", "What leaves the box.");
  http(v, exports.http);
  integer(
      v,
      {"max_series", "Series of any one family in an answer at most; what is beyond is counted.",
       "series", 1, 100'000'000},
      exports.max_series);
  v.enter("flows", "Series per flow.");
  choice(v, {"series", "None, those of the top_k flows, or of all up to max_series."},
         {"off", "top_k", "all"}, exports.flows.series);
  integer(v, {"top_k", "How many flows.", "flows", 1, 1'000'000}, exports.flows.top_k);
  choice(v, {"by", "What ranks the flows."}, {"reports", "latency", "drops"}, exports.flows.by);
  integer(
      v,
      {"max_series", "Flows with series at most, whatever else is said.", "flows", 1, 10'000'000},
      exports.flows.max_series);
  v.leave();
  v.enter("events", "Events as NDJSON, one object a line.");
  std::string path = exports.event_file.enabled ? exports.event_file.path : "";
  v.text({"file", "File to append to, - for the standard output; empty: none."}, path);
  exports.event_file.enabled = !path.empty();
  exports.event_file.path = path;
  v.leave();
  v.duration({"values_interval",
              "How often rows of the tables are pushed, changed or not; 0: never.", "", 0, 86400},
             exports.values_interval_s);
  influxdb(v, exports.influxdb);
  remote_write(v, exports.remote_write);
  v.leave();
}

}  // namespace hopscope::app
