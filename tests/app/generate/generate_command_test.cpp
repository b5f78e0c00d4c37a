// The command line of `hopscope generate`, from arguments to file and summary.

#include "app/generate/generate_command.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/pcap_file.h"
#include "support/plain_reader.h"

namespace hopscope::app {
namespace {

class GenerateCommand : public ::testing::Test {
 protected:
  GenerateCommand()
      : directory_(std::filesystem::temp_directory_path() /
                   ("hopscope_generate_" + std::to_string(::getpid()))) {
    std::filesystem::create_directory(directory_);
  }
  ~GenerateCommand() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string path(const std::string& name) const { return directory_ / name; }

  static int run(std::vector<std::string> arguments) {
    CLI::App app;
    int status = -1;
    add_generate_command(app, status);
    arguments.insert(arguments.begin(), "generate");
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
    app.parse(arguments);
    return status;
  }

  [[nodiscard]] nlohmann::json summary() const {
    return nlohmann::json::parse(std::ifstream(path("summary.json")));
  }

 private:
  std::filesystem::path directory_;
};

TEST_F(GenerateCommand, WritesAFileThatAgreesWithItsSummary) {
  ASSERT_EQ(
      run({"--format",       "report20-md", "--hops",       "4",         "--count",
           "3000",           "--flows",     "50",           "--loss",    "0.05",
           "--path-changes", "0.05",        "--rate",       "10000",     "--report-port",
           "5555",           "--output",    path("a.pcap"), "--summary", path("summary.json")}),
      0);
  const auto frames = test::read_pcap(path("a.pcap"));
  test::PlainTally tally;
  for (const auto& frame : frames) {
    tally.add(frame.bytes);
    ASSERT_EQ(frame.bytes.at(36) << 8 | frame.bytes.at(37), 5555);
  }
  const auto json = summary();
  ASSERT_EQ(frames.size(), 3000U);
  EXPECT_EQ(json["frames"], 3000);
  EXPECT_EQ(json["bytes"], tally.bytes);
  EXPECT_EQ(json["hops"], 12'000);
  EXPECT_EQ(tally.hops, 12'000U);
  EXPECT_EQ(json["sequences"]["missing"], tally.missing);
  EXPECT_EQ(json["path_changes"], tally.path_changes);
  EXPECT_EQ(json["output"]["file"], path("a.pcap"));
  EXPECT_EQ(frames[1].time_ns - frames[0].time_ns, 100'000U);
}

TEST_F(GenerateCommand, DurationCountsModelTime) {
  ASSERT_EQ(run({"--duration", "0.5", "--rate", "2000", "--output", path("a.pcap"), "--summary",
                 path("summary.json")}),
            0);
  EXPECT_EQ(summary()["frames"], 1000);
}

TEST_F(GenerateCommand, Headers_AreAsRequested) {
  ASSERT_EQ(
      run({"--count", "3", "--vlan", "7", "--destination-address", "fd00::1", "--destination-mac",
           "0a:0b:0c:0d:0e:0f", "--output", path("a.pcap"), "--summary", path("summary.json")}),
      0);
  const auto frames = test::read_pcap(path("a.pcap"));
  ASSERT_EQ(frames.size(), 3U);
  const auto& bytes = frames[0].bytes;
  EXPECT_EQ(bytes.at(5), 0x0F);
  EXPECT_EQ(bytes.at(12), 0x81);
  EXPECT_EQ(bytes.at(15), 7);
  EXPECT_EQ(bytes.at(18), 0x60);
  EXPECT_EQ(bytes.at(18 + 39), 1);
  EXPECT_NE(bytes.at(18 + 46) << 8 | bytes.at(18 + 47), 0) << "IPv6 needs the UDP checksum";
}

TEST_F(GenerateCommand, BadRequestsAreRefusedInOneLine) {
  const std::vector<std::vector<std::string>> requests = {
      {"--count", "1"},
      {"--output", "x"},
      {"--count", "1", "--output", "x", "--interface", "y"},
      {"--count", "1", "--output", path("x"), "--format", "report30"},
      {"--count", "1", "--output", path("x"), "--fields", "node_id,colour"},
      {"--count", "1", "--output", path("x"), "--fields", "ports"},
      {"--count", "1", "--output", path("x"), "--hops", "20"},
      {"--count", "1", "--output", path("x"), "--destination-mac", "1:2:3"},
      {"--count", "1", "--output", path("x"), "--destination-address", "nowhere"},
      {"--count", "1", "--output", path("x"), "--dscp", "64"},
      {"--count", "1", "--output", path("no/such/directory/x")},
  };
  for (const auto& request : requests) {
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(run(request), 2);
    const std::string text = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(text.rfind("hopscope generate: ", 0), 0U) << text;
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  }
}

TEST_F(GenerateCommand, MissingInterface_IsReported) {
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(run({"--count", "1", "--interface", "nosuchlink0"}), 1);
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("nosuchlink0"), std::string::npos);
}

}  // namespace
}  // namespace hopscope::app
