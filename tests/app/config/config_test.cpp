// The configuration: what a file says is what the program gets, each mistake is told with its
// place, and the files that describe it are what the code says.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "app/config/check.h"
#include "app/config/dump.h"
#include "app/config/load.h"
#include "app/config/values.h"
#include "export/names/names.h"
#include "pipeline/report/decode_error.h"
#include "pipeline/report/deviation.h"
#include "support/temporary_directory.h"

namespace hopscope::app {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string text_of(const std::string& path) {
  std::ifstream file(std::string(HOPSCOPE_SOURCE_DIR) + "/" + path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// "line:column key: text" of every mistake, the machine not asked.
std::vector<std::string> mistakes(const std::string& yaml, Use use = Use::kOffline) {
  LoadedConfig loaded = read_config(yaml);
  check_config(loaded, use);
  std::vector<std::string> lines;
  for (const Mistake& mistake : loaded.mistakes) {
    lines.push_back(std::to_string(mistake.place.line) + ":" +
                    std::to_string(mistake.place.column) + " " + mistake.key + ": " + mistake.text);
  }
  return lines;
}

Config good(const std::string& yaml) {
  LoadedConfig loaded = read_config(yaml);
  check_config(loaded, Use::kOffline);
  for (const Mistake& mistake : loaded.mistakes) ADD_FAILURE() << mistake.key << mistake.text;
  return loaded.config;
}

TEST(ConfigValues, Integers) {
  EXPECT_EQ(parse_integer("0x17"), 23);
  EXPECT_EQ(parse_integer("1_000_000"), 1'000'000);
  EXPECT_EQ(parse_integer("-1"), -1);
  for (const char* wrong : {"", "-", "0x", "1.5", "1e3", "12a", "_1", "1_", "--1", "0x-1", " 1",
                            "99999999999999999999"}) {
    EXPECT_EQ(parse_integer(wrong), std::nullopt) << wrong;
  }
}

TEST(ConfigValues, DurationsAndSizes) {
  EXPECT_DOUBLE_EQ(*parse_duration("250us"), 250e-6);
  EXPECT_DOUBLE_EQ(*parse_duration("1.5ms"), 1.5e-3);
  EXPECT_DOUBLE_EQ(*parse_duration("2m"), 120);
  EXPECT_DOUBLE_EQ(*parse_duration("7"), 7);
  for (const char* wrong : {"", "ms", "5 s", "5parsec", "nan", "inf"}) {
    EXPECT_EQ(parse_duration(wrong), std::nullopt) << wrong;
  }
  EXPECT_EQ(parse_size("64MiB"), 64U << 20);
  EXPECT_EQ(parse_size("2k"), 2048U);
  EXPECT_EQ(parse_size("100"), 100U);
  for (const char* wrong : {"", "-1", "5T", "MiB", "1e300"}) {
    EXPECT_EQ(parse_size(wrong), std::nullopt) << wrong;
  }
}

TEST(ConfigValues, FormattedValues_ReadAgain_AreTheSame) {
  for (const double seconds : {1e-9, 250e-6, 1e-3, 0.5, 1.0, 60.0, 90.0, 3600.0, 1e-12}) {
    EXPECT_DOUBLE_EQ(*parse_duration(format_duration(seconds)), seconds)
        << format_duration(seconds);
  }
  for (const std::uint64_t bytes : {0UL, 1UL, 1024UL, 1536UL, 64UL << 20}) {
    EXPECT_EQ(parse_size(format_size(bytes)), bytes) << format_size(bytes);
  }
}

TEST(ConfigValues, Addresses) {
  EXPECT_TRUE(is_prefix("10.0.0.0/8"));
  EXPECT_TRUE(is_prefix("2001:db8::/32"));
  for (const char* wrong : {"10.0.0.0", "10.0.0.0/33", "10.0.0/8", "x/8", "::/129", "1.2.3.4/"}) {
    EXPECT_FALSE(is_prefix(wrong)) << wrong;
  }
  EXPECT_TRUE(is_listen_address("0.0.0.0:9465"));
  EXPECT_TRUE(is_listen_address("[::1]:9465"));
  for (const char* wrong :
       {"localhost:9465", ":9465", "127.0.0.1", "127.0.0.1:0", "::1:9465", "127.0.0.1:70000"}) {
    EXPECT_FALSE(is_listen_address(wrong)) << wrong;
  }
}

TEST(Config, EveryKindOfValue) {
  const Config config = good(R"(
receive: {source: udp, zero_copy: off, frames: 0x2000, busy_poll: {enabled: true, timeout: 1ms}}
workers:
  - {queue: 3, cpu: 1}
  - queue: 4
decode:
  report_udp_port: 6000
  int_dscp: none
  int_udp_port: 5000
  int_probe_marker: "aaaaaaaabbbbbbbb"
  tr10_dqf_before_reserved: true
  domains: {0x5453: {source_only: {0x8000: 8}}}
  sources:
    - {prefix: 10.1.0.0/16, int10_layout: geant}
tables: {idle_timeout: 2m, when_full: refuse}
events: {flow_latency: {edges: [10us, 1ms], hysteresis: 0.5}, refresh: 30}
switches:
  defaults: {latency_unit: 1us}
  by_id: {7: {name: leaf7}, 0x10: {latency_unit: 10ns, occupancy_unit: cells}}
export: {http: {listen: "[::]:9000"}, flows: {series: all}, events: {file: /tmp/e}}
log: {level: debug}
)");
  EXPECT_EQ(config.receive.source, io::SourceKind::kUdp);
  EXPECT_EQ(config.receive.af_xdp.zero_copy, io::ZeroCopy::kOff) << "not YAML's false";
  EXPECT_EQ(config.receive.af_xdp.frames, 8192U);
  EXPECT_EQ(config.receive.af_xdp.busy_poll.timeout_us, 1000U);
  ASSERT_EQ(config.workers.size(), 2U);
  EXPECT_EQ(config.workers[0].cpu, 1);
  EXPECT_EQ(config.workers[1].queue, 4U);
  EXPECT_EQ(config.workers[1].cpu, -1);
  EXPECT_THAT(config.decode.report_udp_port, ElementsAre(6000));
  EXPECT_EQ(config.decode.int_dscp, std::nullopt);
  EXPECT_EQ(config.decode.int_udp_port, 5000);
  EXPECT_EQ(config.decode.int_probe_marker, 0xAAAAAAAABBBBBBBB);
  EXPECT_EQ(config.decode.dialect.tr10_dqf_before_reserved, true);
  EXPECT_EQ(config.decode.domains.at(0x5453).source_only.at(0x8000), 8U);
  ASSERT_EQ(config.decode.sources.size(), 1U);
  EXPECT_EQ(config.decode.sources[0].prefix_length, 16);
  EXPECT_EQ(config.decode.sources[0].dialect.int10_layout, pipeline::Int10Layout::kGeant);
  EXPECT_EQ(config.tables.idle_timeout_s, 120U);
  EXPECT_EQ(config.tables.when_full, pipeline::FullPolicy::kRefuse);
  EXPECT_THAT(config.events.flow_latency.edges, ElementsAre(10e-6, 1e-3));
  EXPECT_EQ(config.events.refresh_s, 30U);
  EXPECT_EQ(config.switches.by_id.at(7).name, "leaf7");
  EXPECT_DOUBLE_EQ(config.switches.by_id.at(7).latency_unit_s, 1e-6) << "from the defaults";
  EXPECT_DOUBLE_EQ(config.switches.by_id.at(16).latency_unit_s, 10e-9);
  EXPECT_EQ(config.exports.http.listen, "[::]:9000");
  EXPECT_EQ(config.exports.event_file.path, "/tmp/e");
  EXPECT_EQ(config.log.level, "debug");
}

TEST(Config, EmptyFile_GivesTheDefaults) {
  for (const char* empty :
       {"", "# only a comment\n", "receive:\n", "{}", "receive: {}\nworkers:\n"}) {
    EXPECT_EQ(dump_yaml(good(empty), false), dump_yaml(Config{}, false)) << empty;
  }
}

TEST(Config, Mistakes_AreAllReportedWithTheirPlaces) {
  EXPECT_THAT(
      mistakes("receive:\n  interfce: eth0\n  frames: 1000\nlog: {level: loud}\nworker: 1\n"),
      testing::UnorderedElementsAre(
          "2:3 receive.interfce: unknown key; did you mean interface?",
          "3:11 receive.frames: is 1000; needs a power of two: 512 or 1024",
          "4:14 log.level: is \"loud\"; needs trace, debug, info, warn, error or off",
          "5:1 worker: unknown key; did you mean workers?"));
}

TEST(Config, WrongTypes) {
  EXPECT_THAT(mistakes("receive: 5"), ElementsAre(HasSubstr("a section is needed")));
  EXPECT_THAT(mistakes("- a\n- b"), ElementsAre(HasSubstr("a section is needed")));
  EXPECT_THAT(mistakes("workers: {queue: 0}"), ElementsAre(HasSubstr("a list is needed")));
  EXPECT_THAT(mistakes("receive: {frames: [1]}"), ElementsAre(HasSubstr("single value")));
  EXPECT_THAT(mistakes("receive: {huge_pages: 7}"), ElementsAre(HasSubstr("true or false")));
  EXPECT_THAT(mistakes("receive: {interface: }"), ElementsAre(HasSubstr("needs a value")));
  EXPECT_THAT(mistakes("decode: {int_dscp: 64}"), ElementsAre(HasSubstr("0x0 to 0x3f")));
  EXPECT_THAT(mistakes("decode: {int_probe_marker: abc}"), ElementsAre(HasSubstr("16 hex")));
  EXPECT_THAT(mistakes("decode: {sources: [{int10_layout: spec}]}"),
              ElementsAre(HasSubstr("needs prefix or node_id")));
  EXPECT_THAT(mistakes("tables: {idle_timeout: 1ms}"), ElementsAre(HasSubstr("1s to")));
  EXPECT_THAT(mistakes("a: [1\n"), ElementsAre(HasSubstr("not YAML")));
  EXPECT_THAT(mistakes("log: {level: info}\nlog: {level: off}"), ElementsAre(HasSubstr("twice")));
}

TEST(Config, SecretsAndCertificates) {
  const auto http = [](const std::string& text) {
    return mistakes("export: {http: " + text + "}");
  };
  EXPECT_THAT(http("{auth: {users: [{name: a, password_file: x}], tokens: [{token_env: Y}]}}"),
              ElementsAre());
  EXPECT_THAT(http("{auth: {users: [{name: a}]}}"), ElementsAre(HasSubstr("needs password_file")));
  EXPECT_THAT(http("{auth: {tokens: [{token_file: x, token_env: Y}]}}"),
              ElementsAre(HasSubstr("tokens[0].token_env: is set and so is token_file")));
  EXPECT_THAT(http("{auth: {users: [{name: \"a:b\", password_file: x}]}}"),
              ElementsAre(HasSubstr("colon")));
  EXPECT_THAT(http("{auth: {users: [{password_file: x}]}}"), ElementsAre(HasSubstr("is empty")));
  EXPECT_THAT(http("{auth: {users: [{name: a, password_file: x}, {name: a, password_file: y}]}}"),
              ElementsAre(HasSubstr("users[1].name: is in this list twice")));
  EXPECT_THAT(http("{tls: {certificate: x}}"), ElementsAre(HasSubstr("needs key")));
  EXPECT_THAT(http("{tls: {key: x}}"), ElementsAre(HasSubstr("needs certificate")));
  EXPECT_THAT(http("{tls: {client_ca: x}}"), ElementsAre(HasSubstr("tls.client_ca: needs")));
  EXPECT_THAT(http("{tls: {min_version: 1.1}}"), ElementsAre(HasSubstr("1.2 or 1.3")));
}

TEST(Config, ImpossibleCombinations) {
  EXPECT_THAT(mistakes("workers: [{queue: 1}, {queue: 1}]"),
              ElementsAre(HasSubstr("workers[0] serves already")));
  EXPECT_THAT(mistakes("workers: [{queue: 0, cpu: 1}, {queue: 1, cpu: 1}]"),
              ElementsAre(HasSubstr("workers[0] runs already")));
  EXPECT_THAT(mistakes("workers: []"), ElementsAre(HasSubstr("needs 1 to 64")));
  EXPECT_THAT(mistakes("receive: {zero_copy: require, xdp_mode: generic}"),
              ElementsAre(HasSubstr("does not support")));
  EXPECT_THAT(mistakes("receive: {frame_bytes: 3000}"), ElementsAre(HasSubstr("2048 or 4096")));
  EXPECT_THAT(mistakes("decode: {report_udp_port: []}"), ElementsAre(HasSubstr("needs 1 to 16")));
  EXPECT_THAT(mistakes("decode: {report_udp_port: [7, 7]}"), ElementsAre(HasSubstr("twice")));
  EXPECT_THAT(mistakes("events: {hop_latency: {edges: [2ms, 2ms]}}"),
              ElementsAre(HasSubstr("ascend")));
  EXPECT_THAT(mistakes("events: {hop_latency: {edges: [0s, 2ms]}}"),
              ElementsAre(HasSubstr("above 0")));
  EXPECT_THAT(mistakes("events: {queue_occupancy: {edges: [1, 2.5]}}"),
              ElementsAre(HasSubstr("whole numbers")));
  EXPECT_THAT(mistakes("events: {refresh: 1500ms}"), ElementsAre(HasSubstr("multiple of 1s")));
  EXPECT_THAT(mistakes("decode: {int_dscp: 0x17, int_dscp_mask: 0x10}"), IsEmpty());
  EXPECT_THAT(mistakes("decode: {int_dscp: 0x17, int_dscp_mask: 0x08}"),
              ElementsAre(HasSubstr("masks to 0")));
  EXPECT_THAT(mistakes("decode: {int_dscp: 0, int_dscp_mask: 0}"),
              ElementsAre(HasSubstr("every packet")));
  EXPECT_THAT(mistakes("decode: {int_udp_port: 32766}"),
              ElementsAre(HasSubstr("one of decode.report_udp_port")));
  EXPECT_THAT(mistakes("receive: {udp: {listen: localhost}}"),
              ElementsAre(HasSubstr("receive.udp.listen")));
  EXPECT_THAT(mistakes("log: {level: info}\n---\nlog: {level: debug}\n"),
              ElementsAre(HasSubstr("second document")));
  EXPECT_THAT(mistakes("# a\n---\nlog: {level: info}\n---\n# nothing\n"), IsEmpty());
  EXPECT_THAT(mistakes("decode: {sources: [{prefix: 10.0.0.0/8, node_id: 7}]}"),
              ElementsAre(HasSubstr("has both")));
  EXPECT_THAT(mistakes("decode: {sources: [{node_id: 7}, {node_id: 7}]}"),
              ElementsAre(HasSubstr("twice")));
  EXPECT_THAT(mistakes("switches: {defaults: {name: a}}"), ElementsAre(HasSubstr("under by_id")));
  EXPECT_THAT(mistakes("switches: {by_id: {1: {name: a}, 2: {name: a}}}"),
              ElementsAre(HasSubstr("is the name of switch 1")));
  EXPECT_THAT(mistakes("switches: {by_id: {1: {name: '2'}}}"),
              ElementsAre(HasSubstr("may be the id of another")));
  EXPECT_THAT(mistakes("export: {http: {listen: 9465}}"), ElementsAre(HasSubstr("address:port")));
}

TEST(Config, Delivery_WithWrongLimits_IsRefused) {
  const auto sinks = [](const std::string& a, const std::string& b = "") {
    const auto one = [](const std::string& name, const std::string& delivery) {
      return "{name: " + name + ", url: 'http://a', database: int, delivery: {" + delivery + "}}";
    };
    return mistakes("export: {influxdb: [" + one("a", a) + ", " + one("b", b) + "]}");
  };
  EXPECT_THAT(sinks("", ""), IsEmpty());
  EXPECT_THAT(mistakes("export: {influxdb: [{name: a, url: 'http://a', database: int}, "
                       "{name: a, url: 'http://a', database: int}]}"),
              ElementsAre(HasSubstr("influxdb[1].name: is \"a\", which another sink has")));
  EXPECT_THAT(sinks("batch_bytes: 1000"), ElementsAre(HasSubstr("batch_bytes: is below 1k")));
  EXPECT_THAT(sinks("batch_bytes: 1M, memory_bytes: 1M"),
              ElementsAre(HasSubstr("memory_bytes: must hold two batches")));
  EXPECT_THAT(sinks("retry_first: 2s, retry_most: 1s"),
              ElementsAre(HasSubstr("retry_first: is longer than retry_most")));
  EXPECT_THAT(sinks("spool: {directory: /x}", "spool: {directory: /x}"),
              ElementsAre(HasSubstr("influxdb[1].delivery.spool.directory: is that of another")));
  EXPECT_THAT(sinks("spool: {directory: /x, max_bytes: 31M}"),
              ElementsAre(HasSubstr("max_bytes: is below 32 MiB")));
  EXPECT_THAT(sinks("spool: {directory: /x, keep_delivered: 30s}"), IsEmpty());
  EXPECT_THAT(sinks("spool: {keep_delivered: 30s}"),
              ElementsAre(HasSubstr("spool.keep_delivered: needs a directory")));
  EXPECT_THAT(sinks("spool: {directory: /x, keep_delivered: 30s, max_age: 10s}"),
              ElementsAre(HasSubstr("keep_delivered: is longer than max_age")));
}

TEST(Config, CustomHeader_IsLoaded) {
  const Config config = good(R"(
formats:
  service_chain:
    udp_port: 8192
    fields: {service_path_id: 24, flags: 8, context: {bits: 128, if: flags.3}, count: 4,
             hops: {repeat: count, fields: {swid: 20, depth: 12}}, timestamp: 48}
    key: [service_path_id, hops.swid]
    measurements:
      hops.depth: {unit: cells, events: true, width: 10}
    drop: flags
    timestamp: timestamp
)");
  ASSERT_EQ(config.decode.formats.size(), 1U);
  const pipeline::CustomHeaderConfig& format = config.decode.formats[0];
  EXPECT_EQ(format.name, "service_chain");
  EXPECT_EQ(format.udp_port, 8192);
  ASSERT_EQ(format.fields.size(), 6U);
  EXPECT_EQ(format.fields[2].condition, "flags");
  EXPECT_EQ(format.fields[2].condition_bit, 3U);
  EXPECT_EQ(format.fields[4].count, "count");
  EXPECT_EQ(format.fields[4].repeated[1].bits, 12U);
  EXPECT_THAT(format.key, ElementsAre("service_path_id", "hops.swid"));
  EXPECT_TRUE(format.measurements.at(0).interval.enabled);
  const std::string dumped = dump_yaml(config, false);
  EXPECT_EQ(dump_yaml(good(dumped), false), dumped);
}

TEST(Config, DropReasonTables_AreLoaded) {
  const Config config = good(R"(
switches:
  drop_reason_tables: {mine: {reasons: {26: my_ttl, 0x33: tail}}}
  by_id: {7: {drop_reasons: mine, clock: ptp}}
)");
  const exporter::Names names(config.switches);
  EXPECT_EQ(names.drop_reason(7, 26), "my_ttl");
  EXPECT_EQ(names.drop_reason(7, 51), "tail");
  EXPECT_EQ(names.drop_reason(7, 1), "1");
  EXPECT_EQ(names.drop_reason(8, 26), "ip_ttl_zero");
  EXPECT_EQ(config.switches.by_id.at(7).clock, "ptp");
  EXPECT_THAT(mistakes("switches: {by_id: {7: {drop_reasons: yours}}}"),
              ElementsAre(HasSubstr("needs one of p4lang-switch, tofino, fabric-tna")));
  EXPECT_THAT(mistakes("switches: {drop_reason_tables: {tofino: {reasons: {1: a}}}}"),
              ElementsAre(HasSubstr("built in")));
}

/// The one mistake in a format that is good but for `wrong`.
std::vector<std::string> format_mistakes(const std::string& wrong) {
  std::string yaml = "formats:\n  mine:\n    " + wrong + "\n";
  for (const std::string line : {"udp_port: 1", "fields: {a: 8, b: 32, c: 128}", "key: [a]"}) {
    if (wrong.substr(0, 4) != line.substr(0, 4)) yaml += "    " + line + "\n";
  }
  return mistakes(yaml);
}

TEST(Config, CustomHeader_WithMistakes_IsRefused) {
  EXPECT_THAT(format_mistakes("drop: a"), IsEmpty());
  EXPECT_THAT(format_mistakes("key: [z]"),
              ElementsAre("3:10 formats.mine.key: names z, which is not "
                          "one of its fields"));
  EXPECT_THAT(format_mistakes("key: []"), ElementsAre(HasSubstr("needs 1 to 4")));
  EXPECT_THAT(format_mistakes("key: [a, a]"), ElementsAre(HasSubstr("twice")));
  EXPECT_THAT(format_mistakes("udp_port: 32766"),
              ElementsAre(HasSubstr("that of decode.report_udp_port")));
  EXPECT_THAT(format_mistakes("udp_port: none"), ElementsAre(HasSubstr("udp_port or ethertype")));
  EXPECT_THAT(format_mistakes("fields: {a: 0}"), ElementsAre(HasSubstr("1 to 128")));
  EXPECT_THAT(format_mistakes("fields: {a: 129}"), ElementsAre(HasSubstr("1 to 128")));
  EXPECT_THAT(format_mistakes("fields: [a]"), testing::Contains(HasSubstr("a map of name: bits")));
  EXPECT_THAT(format_mistakes("fields: {a: {bits: 3, when: b}}"),
              ElementsAre(HasSubstr("is not bits, if, repeat or fields")));
  EXPECT_THAT(format_mistakes("fields: {a: 8, b: {bits: 8, if: z}}"),
              ElementsAre(HasSubstr("no earlier field")));
  EXPECT_THAT(format_mistakes("fields: {a: 8, b: {bits: 8, if: a.8}}"),
              ElementsAre(HasSubstr("a bit that the field does not have")));
  EXPECT_THAT(format_mistakes("fields: {a: 8, g: {repeat: a, fields: {x: 1}}, h: {repeat: a, "
                              "fields: {x: 1}}}"),
              ElementsAre(HasSubstr("second group")));
  EXPECT_THAT(format_mistakes("measurements: {c: {}}"), ElementsAre(HasSubstr("64 at most")));
  EXPECT_THAT(format_mistakes("measurements: {b: {unit: 5m}}"),
              ElementsAre(HasSubstr("metric name")));
  EXPECT_THAT(format_mistakes("timestamp: c"), ElementsAre(HasSubstr("64 at most")));
  EXPECT_THAT(mistakes("formats: {int_x: {udp_port: 1, fields: {a: 1}, key: [a]}}"),
              ElementsAre(HasSubstr("must not start with int_, hopscope_")));
  EXPECT_THAT(mistakes("formats: {a: {udp_port: 1, fields: {k: 1, b_c: 9}, key: [k], measurements: "
                       "{b_c: {}}}, a_b: {udp_port: 2, fields: {k: 1, c: 9}, key: [k], "
                       "measurements: {c: {}}}}"),
              ElementsAre(HasSubstr("a second metric a_b_c")));
  EXPECT_THAT(format_mistakes("fields: {a: 8, g_x: 8, g: {repeat: a, fields: {x: 8}}}\n"
                              "    key: [g_x, g.x]"),
              testing::Contains(HasSubstr("a second label g_x")));
  // Events have tags of their own.
  const std::string kind = "formats: {a: {udp_port: 1, fields: {kind: 1}, key: [kind]}}\n";
  EXPECT_THAT(mistakes(kind), testing::IsEmpty());
  EXPECT_THAT(mistakes(kind + "export: {influxdb: [{url: 'http://a', database: int}]}"),
              testing::Contains(HasSubstr("makes a label kind, which is a tag")));
  // And rows fields.
  const std::string drops =
      "formats: {a: {udp_port: 1, fields: {k: 8, drops: 8}, key: [k], measurements: {drops: "
      "{}}}}\n";
  EXPECT_THAT(mistakes(drops + "export: {influxdb: [{url: 'http://a', database: int}]}"),
              testing::Contains(HasSubstr("is a field of all pushed rows")));
  EXPECT_THAT(format_mistakes("fields: {a: 8, g: {repeat: a, if: a, fields: {x: 8}}}"),
              ElementsAre(HasSubstr("not possible on a group")));
  EXPECT_THAT(format_mistakes("fields: {a: 8, __b: 8}"),
              ElementsAre(HasSubstr("not start with __")));
  EXPECT_THAT(mistakes("formats: {x: {ethertype: 0x800, fields: {a: 1}, key: [a]}}"),
              ElementsAre(HasSubstr("is IP")));
}

TEST(Config, Machine_IsCheckedOnlyForReceiving) {
  const std::string absent = "receive: {interface: hsnone9}\nworkers: [{queue: 0, cpu: 4000}]\n";
  EXPECT_THAT(mistakes(absent), IsEmpty());
  EXPECT_THAT(mistakes(absent, Use::kReceive),
              testing::UnorderedElementsAre(HasSubstr("no such interface"),
                                            HasSubstr("this machine has CPUs 0 to")));
  EXPECT_THAT(mistakes("receive: {source: udp}", Use::kReceive), IsEmpty());
  EXPECT_THAT(mistakes("receive: {interface: lo}\nworkers: [{queue: 99}]", Use::kReceive),
              ElementsAre(HasSubstr("no such RX queue")));
}

TEST(Config, SinkFiles_AreCheckedOnlyForReceiving) {
  const std::string sinks =
      "receive: {source: udp}\n"
      "export: {influxdb: [{url: \"http://h:1\", database: d, username: u, "
      "password_file: /nonexistent/p}], remote_write: [{url: \"https://h:1/w\", "
      "ca_file: /nonexistent/ca}]}";
  EXPECT_THAT(mistakes(sinks), IsEmpty());
  EXPECT_THAT(mistakes(sinks, Use::kReceive),
              testing::UnorderedElementsAre(
                  AllOf(HasSubstr("influxdb[0].password_file"), HasSubstr("/nonexistent/p")),
                  AllOf(HasSubstr("remote_write[0].ca_file"), HasSubstr("cannot be read"))));
}

TEST(Config, Url_WithPassword_IsRefusedWithoutShowingIt) {
  const auto found = mistakes("export: {remote_write: [{url: \"user:hunter2@h:1\"}]}");
  EXPECT_THAT(found, ElementsAre(HasSubstr("contains a password")));
  EXPECT_THAT(found, ElementsAre(testing::Not(HasSubstr("hunter2"))));
  EXPECT_THAT(mistakes("export: {remote_write: [{url: \"http://\"}]}"),
              ElementsAre(HasSubstr("is not a URL")));
}

TEST(Config, UrlsOfSinks) {
  const auto influx = [](const std::string& url) {
    return mistakes("export: {influxdb: [{database: d, url: \"" + url + "\"}]}");
  };
  const auto write = [](const std::string& url) {
    return mistakes("export: {remote_write: [{url: \"" + url + "\"}]}");
  };
  for (const char* good : {"http://h:1", "http://h:1/", "https://[::1]:8428/insert/0/influx"}) {
    EXPECT_THAT(influx(good), IsEmpty()) << good;
  }
  EXPECT_THAT(write("http://h:1/api/v1/write?extra_label=a=b&keyed=1"), IsEmpty());
  EXPECT_THAT(influx("http://h:1?u=a"), ElementsAre(HasSubstr("their own keys")));
  EXPECT_THAT(influx("http://h:1/write"), ElementsAre(HasSubstr("remove it")));
  EXPECT_THAT(influx("http://h:1/write/"), ElementsAre(HasSubstr("remove it")));
  EXPECT_THAT(write("http://h :1/w"), ElementsAre(HasSubstr("white space")));
  EXPECT_THAT(write("http://h:1/w#x"), ElementsAre(HasSubstr("#")));
  for (const char* bad : {"http://:8086", "http://h:99999", "http://h:x", "http://[::1"}) {
    EXPECT_THAT(write(bad), ElementsAre(HasSubstr("is not a URL"))) << bad;
  }
  for (const char* name : {"token", "p", "PassWord", "api_key"}) {
    const auto found = write(std::string("http://h:1/w?a=b&") + name + "=hunter2");
    EXPECT_THAT(found, ElementsAre(HasSubstr("contains a secret"))) << name;
    EXPECT_THAT(found, ElementsAre(testing::Not(HasSubstr("hunter2"))));
  }
  EXPECT_THAT(write("h:1/w?token=hunter2"), ElementsAre(testing::Not(HasSubstr("hunter2"))));
}

TEST(Config, SpoolDirectory_InAnotherSpelling_IsTheSame) {
  const test::TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path() + "/real");
  std::filesystem::create_symlink(directory.path() + "/real", directory.path() + "/link");
  const auto both = [&](const std::string& one, const std::string& other) {
    const auto sink = [](const std::string& name, const std::string& spool) {
      return "{name: " + name + ", url: \"http://h:1/w\", delivery: {spool: {directory: \"" +
             spool + "\"}}}";
    };
    return mistakes("export: {remote_write: [" + sink("a", one) + ", " + sink("b", other) + "]}");
  };
  const std::string base = directory.path();
  EXPECT_THAT(both(base + "/a", base + "/b"), IsEmpty());
  for (const auto& [one, other] : {std::pair{"/a", "/a"},
                                   {"/a", "/a/"},
                                   {"/a", "/b/../a"},
                                   {"/a", "//a/."},
                                   {"/link", "/real"},
                                   {"/link/x", "/real/x"}}) {
    EXPECT_THAT(both(base + one, base + other), ElementsAre(HasSubstr("of another sink")))
        << one << " " << other;
  }
  EXPECT_THAT(both("a", "./a"), ElementsAre(HasSubstr("of another sink")));
}

TEST(Config, Text_NotUtf8_IsReportedWithItsPlace) {
  const auto good = [](const std::string& name) {
    return mistakes("switches: {by_id: {1: {name: \"" + name + "\"}}}");
  };
  for (const char* name : {"a", "sp\xC3\xA4t", "\xE2\x82\xAC", "\xED\x9F\xBF", "\xF0\x9F\x98\x80",
                           "\xF4\x8F\xBF\xBF"}) {
    EXPECT_THAT(good(name), IsEmpty()) << name;
  }
  for (const char* name :
       {"\xE4", "\x80", "\xC0\xAF", "\xC3", "\xE0\x80\x80", "\xED\xA0\x80", "\xE2\x82",
        "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
    EXPECT_THAT(good(name), ElementsAre(HasSubstr("not UTF-8"))) << name;
  }
  const LoadedConfig loaded = read_config("# \xC3\xA4\nlog: {level: info}  # \xE4\n");
  ASSERT_EQ(loaded.mistakes.size(), 1U);
  EXPECT_EQ(loaded.mistakes[0].place.line, 2);
  EXPECT_EQ(loaded.mistakes[0].place.column, 23);
}

TEST(Config, UnreadableFile_IsReportedInOneLine) {
  try {
    (void)load_config("/nonexistent/hopscope.yaml", Use::kOffline);
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("/nonexistent/hopscope.yaml: cannot be read"));
  }
}

TEST(Config, DumpedConfiguration_Loaded_IsTheSame) {
  const Config config = good(R"(
receive: {interface: "a \"b\"", busy_poll: {enabled: true}}
decode: {int_dscp: none, sources: [{prefix: "2001:db8::/32", tr10_dqf_before_reserved: false}]}
switches: {by_id: {1: {name: "x: y # z"}, 2: {name: "no"}}}
events: {queue_occupancy: {edges: [1, 25]}}
)");
  const std::string dumped = dump_yaml(config, false);
  EXPECT_EQ(dump_yaml(good(dumped), false), dumped);
  EXPECT_EQ(dump_yaml(good(dump_yaml(config, true)), false), dumped) << "comments change nothing";
}

TEST(Config, ExampleFile_EqualsTheDefaults) {
  EXPECT_EQ(text_of("conf/hopscope.yaml"), dump_yaml(Config{}, true))
      << "write it again: hopscope dump --comments > conf/hopscope.yaml";
}

TEST(Config, ReferencePage_IsUpToDate) {
  EXPECT_EQ(text_of("docs/configuration.md"), config_reference())
      << "write it again: hopscope dump --reference > docs/configuration.md";
}

TEST(FormatsPage, HasEveryErrorDeviationAndPreset) {
  const std::string page = text_of("docs/formats.md");
  for (std::size_t i = 1; i < pipeline::kDecodeErrorCount; ++i) {
    const pipeline::DecodeErrorInfo& error = pipeline::kDecodeErrors[i];
    EXPECT_THAT(page, HasSubstr("| `" + std::string(error.label) + "` | " +
                                std::string(label(error.policy)) + " | " +
                                std::string(error.meaning) + " |"));
  }
  for (const pipeline::DeviationInfo& deviation : pipeline::kDeviations) {
    EXPECT_THAT(page, HasSubstr("| `" + std::string(deviation.label) + "` | " +
                                std::string(deviation.meaning) + " |"));
  }
  for (const std::string_view preset : pipeline::kPresetLabels) {
    EXPECT_THAT(page, HasSubstr("| `" + std::string(preset) + "` | "));
  }
}

}  // namespace
}  // namespace hopscope::app
