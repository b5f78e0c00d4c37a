#pragma once
// Reads the Prometheus text format back, strictly: what is not well formed is a test failure.

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace hopscope::test {

struct Family {
  std::string type;
  std::string help;
  std::set<std::string> labels;
  std::map<std::string, double> samples;  ///< by the text in front of the value
};

/// Families by name.
inline std::map<std::string, Family> parse_exposition(const std::string& text) {
  std::map<std::string, Family> families;
  std::set<std::string> closed;
  std::string current;
  EXPECT_TRUE(text.empty() || text.back() == '\n');
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash, what, name;
    if (line[0] == '#') {
      words >> hash >> what >> name;
      std::string rest;
      std::getline(words >> std::ws, rest);
      if (name != current) {
        EXPECT_TRUE(closed.insert(name).second) << name << " comes in two places";
        current = name;
      }
      (what == "TYPE" ? families[name].type : families[name].help) = rest;
      continue;
    }
    const std::size_t end = line.rfind(' ');
    const std::string series = line.substr(0, end);
    const std::size_t brace = series.find('{');
    std::string base = series.substr(0, brace);
    Family& family = families[current];
    for (const char* suffix : {"_bucket", "_sum", "_count"}) {
      if (base != current && base == current + suffix) base = current;
    }
    EXPECT_EQ(base, current) << "a sample outside its family: " << line;
    EXPECT_TRUE(family.samples.emplace(series, std::stod(line.substr(end + 1))).second)
        << "twice: " << series;
    bool quoted = false;
    std::string label;
    for (std::size_t i = brace; i != std::string::npos && i < series.size(); ++i) {
      if (series[i] == '\\') {
        ++i;
      } else if (series[i] == '"') {
        quoted = !quoted;
      } else if (!quoted && series[i] == '=') {
        family.labels.insert(label);
        label.clear();
      } else if (!quoted && series[i] != '{' && series[i] != ',') {
        label += series[i];
      }
    }
  }
  return families;
}

}  // namespace hopscope::test
