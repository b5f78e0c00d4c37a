#include "app/sources_command.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/capture.h"
#include "app/config/load.h"
#include "app/standard_output.h"
#include "base/secret.h"
#include "base/setup_error.h"
#include "export/sources_json.h"
#include "pipeline/worker/engine.h"

namespace hopscope::app {
namespace {

constexpr const char* kFooter =
    "Without captures the collector is asked that runs on this machine (export.http.listen) or, "
    "by\n"
    "--url, on another one. A preset under decode.sources tells the collector what to expect of a\n"
    "sender; docs/formats.md says which deviation belongs to which.\n"
    "\n"
    "With --config the collector of this machine is asked as its export.http section says: by\n"
    "HTTPS, and with its first user or token. For another one there are options.\n"
    "\n"
    "  hopscope sources reports.pcap\n"
    "  hopscope sources --url https://collector:9465 --ca ca.crt --token-file token";

struct Arguments {
  std::string config;
  std::string url;
  std::string ca;
  std::string certificate;
  std::string key;
  std::string user;
  std::string password_file;
  std::string token_file;
  std::vector<std::string> captures;
  bool json = false;
};

nlohmann::ordered_json of_captures(const Config& config, const std::vector<std::string>& files) {
  const auto capture = open_captures(files);
  pipeline::Engine engine({.decode = config.decode,
                           .tables = config.tables,
                           .events = config.events,
                           .switches = config.switches,
                           .queues = config.queues,
                           .seed = {},
                           .cpus = {}},
                          {capture.get()});
  std::vector<pipeline::Event> events(1024);
  while (engine.run_inline() != 0) {
    while (engine.take_events(events) != 0) {
    }
  }
  engine.finish_inline();
  for (const std::string& warning : capture->warnings()) {
    fmt::print(stderr, "hopscope: {}\n", warning);
  }
  return exporter::sources_json(engine, exporter::Names(config.switches));
}

std::size_t append(const char* data, std::size_t size, std::size_t count, void* to) {
  static_cast<std::string*>(to)->append(data, size * count);
  return size * count;
}

/// How the collector is queried.
struct Target {
  std::string url;
  std::string ca;
  bool is_own = false;  ///< `ca` is the server's own certificate: the host name is not checked
  std::string certificate;
  std::string key;
  std::string user;
  SecretSource password;
  SecretSource token;
};

Secret secret_of(const SecretSource& source) {
  try {
    return read_secret(source);
  } catch (const SecretError& error) {
    throw SetupError(error.what());
  }
}

void set_text(CURL* curl, CURLoption option, const std::string& text) {
  if (!text.empty()) curl_easy_setopt(curl, option, text.c_str());
}

void set_credentials(CURL* curl, const Target& target) {
  set_text(curl, CURLOPT_CAINFO, target.ca);
  if (target.is_own) curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
  set_text(curl, CURLOPT_SSLCERT, target.certificate);
  set_text(curl, CURLOPT_SSLKEY, target.key);
  if (!target.user.empty()) {
    set_text(curl, CURLOPT_USERNAME, target.user);
    set_text(curl, CURLOPT_PASSWORD, secret_of(target.password).reveal());
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
  } else if (target.token.given()) {
    set_text(curl, CURLOPT_XOAUTH2_BEARER, secret_of(target.token).reveal());
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
  }
}

nlohmann::ordered_json of_collector(const Target& target) {
  constexpr long kTimeoutS = 10;
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
  if (!curl) throw SetupError("libcurl cannot be initialised");
  std::string body;
  std::array<char, CURL_ERROR_SIZE> reason{};
  curl_easy_setopt(curl.get(), CURLOPT_URL, target.url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, kTimeoutS);
  curl_easy_setopt(curl.get(), CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, reason.data());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &body);
  set_credentials(curl.get(), target);
  if (curl_easy_perform(curl.get()) != CURLE_OK) {
    throw SetupError(fmt::format("no answer from {}: {}; is a collector running there?", target.url,
                                 reason.data()));
  }
  auto json = nlohmann::ordered_json::parse(body, nullptr, false);
  if (!json.is_array()) throw SetupError(target.url + " does not answer like a collector");
  return json;
}

/// The collector of this machine. Loopback is used if it listens on all addresses.
Target own_collector(const exporter::HttpOptions& http) {
  std::string listen = http.listen;
  if (listen.starts_with("0.0.0.0:")) listen.replace(0, 7, "127.0.0.1");
  if (listen.starts_with("[::]:")) listen.replace(0, 4, "[::1]");
  Target target;
  target.url = fmt::format("{}://{}/sources", http.tls.enabled() ? "https" : "http", listen);
  target.ca = http.tls.certificate;
  target.is_own = http.tls.enabled();
  if (!http.auth.users.empty()) {
    target.user = http.auth.users.front().name;
    target.password = http.auth.users.front().password;
  } else if (!http.auth.tokens.empty()) {
    target.token = http.auth.tokens.front();
  }
  return target;
}

Target target_of(const Arguments& arguments, const Config& config) {
  Target target;
  if (arguments.url.empty()) {
    target = own_collector(config.exports.http);
  } else {
    // A server named on the command line gets no secrets of this configuration.
    target.url = arguments.url + (arguments.url.ends_with('/') ? "sources" : "/sources");
  }
  if (!arguments.ca.empty()) {
    target.ca = arguments.ca;
    target.is_own = false;
  }
  target.certificate = arguments.certificate;
  target.key = arguments.key;
  if (!arguments.user.empty()) {
    target.user = arguments.user;
    target.password = {.file = arguments.password_file, .env = ""};
  } else if (!arguments.token_file.empty()) {
    target.user.clear();
    target.token = {.file = arguments.token_file, .env = ""};
  }
  return target;
}

std::string cell(const nlohmann::ordered_json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::string text;
  for (const auto& one : value) {
    if (!text.empty()) text += ',';
    text += one.get<std::string>();
  }
  return text;
}

std::string table_text(const nlohmann::ordered_json& senders) {
  constexpr std::array<std::pair<const char*, const char*>, 10> kColumns{
      {{"source", "SOURCE"},
       {"switch", "SWITCH"},
       {"hw_id", "HW_ID"},
       {"versions", "VERSIONS"},
       {"reports", "REPORTS"},
       {"missing", "MISSING"},
       {"late", "LATE"},
       {"duplicates", "DUPLICATES"},
       {"restarts", "RESTARTS"},
       {"deviations", "DEVIATIONS"}}};
  std::vector<std::array<std::string, kColumns.size()>> rows(1 + senders.size());
  std::array<std::size_t, kColumns.size()> width{};
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (std::size_t i = 0; i < kColumns.size(); ++i) {
      rows[row][i] = row == 0 ? kColumns[i].second : cell(senders[row - 1][kColumns[i].first]);
      width[i] = std::max(width[i], rows[row][i].size());
    }
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += fmt::format("{:{}}  ", row[i], i + 1 < row.size() ? width[i] : 0);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

int run(const Arguments& arguments) {
  const Config config = load_config(arguments.config, Use::kOffline);
  const nlohmann::ordered_json senders = arguments.captures.empty()
                                             ? of_collector(target_of(arguments, config))
                                             : of_captures(config, arguments.captures);
  const std::string text = arguments.json ? senders.dump(2) + "\n" : table_text(senders);
  return finish_output(write_output(text));
}

}  // namespace

void add_sources_command(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand(
      "sources",
      "List the senders of reports, what is missing, and how each deviates from the standard");
  const auto arguments = std::make_shared<Arguments>();
  command->add_option("--config", arguments->config, "Configuration")->check(CLI::ExistingFile);
  auto* captures = command->add_option("CAPTURE", arguments->captures, "pcap or pcapng files")
                       ->check(CLI::ExistingFile);
  command->add_option("--url", arguments->url, "A running collector, e.g. http://host:9465")
      ->excludes(captures);
  command->add_option("--ca", arguments->ca, "PEM file with the collector's authority");
  auto* certificate =
      command->add_option("--cert", arguments->certificate, "PEM file with a client certificate");
  command->add_option("--key", arguments->key, "PEM file with its key")->needs(certificate);
  auto* password =
      command->add_option("--password-file", arguments->password_file, "File with the password");
  auto* user = command->add_option("--user", arguments->user, "User")->needs(password);
  password->needs(user);
  command->add_option("--token-file", arguments->token_file, "File with a bearer token")
      ->excludes(user);
  command->add_flag("--json", arguments->json, "Print JSON");
  command->footer(kFooter);
  command->callback([arguments, &status] { status = run(*arguments); });
}

}  // namespace hopscope::app
