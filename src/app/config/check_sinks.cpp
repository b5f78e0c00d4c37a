#include "app/config/check_sinks.h"

#include <fmt/format.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>

#include "app/config/check_secret.h"
#include "export/sinks/push/http_post.h"

namespace hopscope::app {
namespace {

/// A label name of Prometheus, which reserves those that start with __.
bool is_label_name(const std::string& name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && is_letter(name[0]) && !name.starts_with("__") &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

/// The canonical path of a directory, which need not exist.
std::string real_path(const std::string& directory) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::weakly_canonical(
      std::filesystem::absolute(std::filesystem::path(directory) / ".", error), error);
  return (error ? std::filesystem::path(directory) : real).lexically_normal();
}

bool has_blank(const std::string& text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return c <= ' ' || c == 0x7f; });
}

/// The first parameter of a URL that looks like a secret: `dump` and logs would show it.
std::string secret_parameter(const std::string& url) {
  static const std::set<std::string> kNames{
      "token",   "password", "pass", "passwd",  "secret",        "p",           "api_key", "apikey",
      "api-key", "key",      "auth", "authkey", "authorization", "access_token"};
  for (std::size_t at = url.find('?'); at != std::string::npos; at = url.find('&', at + 1)) {
    std::string name = url.substr(at + 1, url.find_first_of("=&#", at + 1) - at - 1);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (kNames.contains(name)) return name;
  }
  return "";
}

class SinkChecker {
 public:
  explicit SinkChecker(const CheckReporter& check) : check_(check) {}

  void common(const std::string& path, const std::string& name,
              const exporter::DeliveryOptions& delivery) {
    check_(!name.empty(), path + ".name", "is empty");
    check_(names_.insert(name).second, path + ".name",
           fmt::format("is \"{}\", which another sink has; names must be unique", name));
    check_(delivery.batch_bytes >= 1024, path + ".delivery.batch_bytes", "is below 1k");
    check_(delivery.memory_bytes >= 2 * delivery.batch_bytes, path + ".delivery.memory_bytes",
           "must hold two batches (batch_bytes) at least");
    check_(delivery.retry_first_s <= delivery.retry_most_s, path + ".delivery.retry_first",
           "is longer than retry_most");
    const exporter::SpoolLimits& spool = delivery.spool;
    check_(spool.keep_delivered_s == 0 || !spool.directory.empty(),
           path + ".delivery.spool.keep_delivered", "needs a directory to keep them in");
    if (spool.directory.empty()) return;
    check_(spool.max_age_s == 0 || spool.keep_delivered_s <= spool.max_age_s,
           path + ".delivery.spool.keep_delivered", "is longer than max_age");
    check_(directories_.insert(real_path(spool.directory)).second,
           path + ".delivery.spool.directory", "is that of another sink; each sink needs its own");
    check_(spool.max_bytes >= 2 * spool.segment_bytes, path + ".delivery.spool.max_bytes",
           fmt::format("is below {} MiB", 2 * spool.segment_bytes >> 20));
  }

  void http(const std::string& path, const exporter::HttpPushOptions& http) {
    const bool is_url = http.url.starts_with("http://") || http.url.starts_with("https://");
    const bool has_password = http.url.find('@') != std::string::npos;
    const std::string secret = secret_parameter(http.url);
    check_(!has_password, path + ".url", "contains a password; use username and password_file");
    check_(is_url || has_password || !secret.empty(), path + ".url",
           fmt::format("is \"{}\"; needs http://HOST:PORT or https://HOST:PORT", http.url));
    check_(!has_blank(http.url), path + ".url", "has white space in it");
    const std::string wrong =
        is_url && !has_blank(http.url) ? exporter::mistake_in_url(http.url) : "";
    check_(wrong.empty(), path + ".url", fmt::format("is not a URL: {}", wrong));
    check_(http.url.find('#') == std::string::npos, path + ".url",
           "has a #, which is not sent to the server");
    check_(secret.empty(), path + ".url",
           fmt::format("contains a secret ({}=); use token_file, or username and password_file",
                       secret));
    if (http.password.given()) check_secret(http.password, path + ".password", check_);
    if (http.token.given()) check_secret(http.token, path + ".token", check_);
    check_(http.username.empty() == !http.password.given(), path + ".username",
           "and a password (password_file or password_env) need each other");
    check_(http.username.empty() || !http.token.given(), path + ".token_file",
           "and username are alternatives; set only one");
    check_(http.certificate_file.empty() == http.key_file.empty(), path + ".certificate_file",
           "and key_file need each other");
  }

 private:
  const CheckReporter& check_;
  std::set<std::string> names_{"events"};
  std::set<std::string> directories_;
};

void check_files(const std::string& path, const exporter::HttpPushOptions& http,
                 const CheckReporter& check) {
  check_secret_there(http.password, path + ".password", check);
  check_secret_there(http.token, path + ".token", check);
  const auto file = [&](const char* key, const std::string& name) {
    check(name.empty() || access(name.c_str(), R_OK) == 0, path + "." + key,
          fmt::format("{} cannot be read: {}", name, strerrordesc_np(errno)));
  };
  file("ca_file", http.ca_file);
  file("certificate_file", http.certificate_file);
  file("key_file", http.key_file);
}

}  // namespace

void check_sink_files(const Config& config, const CheckReporter& check) {
  for (std::size_t i = 0; i < config.exports.influxdb.size(); ++i) {
    check_files(fmt::format("export.influxdb[{}]", i), config.exports.influxdb[i].http, check);
  }
  for (std::size_t i = 0; i < config.exports.remote_write.size(); ++i) {
    check_files(fmt::format("export.remote_write[{}]", i), config.exports.remote_write[i].http,
                check);
  }
}

void check_sinks(const Config& config, const CheckReporter& check) {
  SinkChecker checker(check);
  for (std::size_t i = 0; i < config.exports.influxdb.size(); ++i) {
    const exporter::InfluxOptions& sink = config.exports.influxdb[i];
    const std::string path = fmt::format("export.influxdb[{}]", i);
    checker.common(path, sink.name, sink.delivery);
    checker.http(path, sink.http);
    std::string url = sink.http.url;
    while (url.ends_with('/')) url.pop_back();
    check(url.find('?') == std::string::npos, path + ".url",
          "has parameters; database, bucket and others have their own keys");
    check(!url.ends_with("/write"), path + ".url", "ends with the path of the API; remove it");
    const bool is_v1 = sink.version == exporter::InfluxVersion::kV1;
    check(!is_v1 || !sink.database.empty(), path + ".database", "is needed for version: v1");
    check(is_v1 || !sink.bucket.empty(), path + ".bucket", "is needed for version: v2");
  }
  for (std::size_t i = 0; i < config.exports.remote_write.size(); ++i) {
    const exporter::RemoteWriteOptions& sink = config.exports.remote_write[i];
    const std::string path = fmt::format("export.remote_write[{}]", i);
    checker.common(path, sink.name, sink.delivery);
    checker.http(path, sink.http);
    for (const auto& [name, text] : sink.labels) {
      check(is_label_name(name), fmt::format("{}.labels.{}", path, name),
            "is not a label name: letters, digits and _, not starting with a digit or __");
    }
  }
}

}  // namespace hopscope::app
